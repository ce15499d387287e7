"""The servers and shops of this folder, for all its tests."""

from servers import mysql, postgres
from shops import mysql_shop, postgres_shop

__all__ = ["mysql", "mysql_shop", "postgres", "postgres_shop"]
