# make demo · make test · make bench-message · make verify
