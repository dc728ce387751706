"""The department's keys and certificates, and the files that hold them."""
