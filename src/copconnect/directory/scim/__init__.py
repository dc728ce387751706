"""SCIM 2.0 (RFC 7643, RFC 7644): the department's HRMS changes people one by one, by the same rules
as an import."""
