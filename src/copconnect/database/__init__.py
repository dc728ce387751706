"""The SQL database: engine, transactions and what happens after their commit."""
