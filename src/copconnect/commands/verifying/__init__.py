"""Commands that verify files, without server or database."""
