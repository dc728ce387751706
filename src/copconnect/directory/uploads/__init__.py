"""Files that admins send to be imported: received, examined, shown row by row, applied."""
