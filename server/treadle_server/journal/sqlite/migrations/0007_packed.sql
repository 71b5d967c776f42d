-- From here on bodies of records may be packed by zlib (packing.py), and checksums are of what is
-- stored. Nothing else changes: this step is there for servers that do not know it to keep out.
SELECT count(*) FROM deleted;
