"""Import files of an old CRM or shop: read, check and seal in one process, look up and write in another."""
