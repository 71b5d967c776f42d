-- From here on bodies of records may be packed by LZ4 (packing.py). Nothing else changes: this step
-- is there for servers that do not know it to keep out.
SELECT count(*) FROM deleted;
