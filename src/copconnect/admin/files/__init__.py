"""Files that the console sends and fetches: imports and exports."""
