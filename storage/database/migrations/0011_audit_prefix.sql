-- How the id of an item begins is looked up in the index too, whatever the collation; as whole ones are.
-- depends: 0010_sampled_limits

DROP INDEX audit_items_by_item;
CREATE INDEX audit_items_by_item ON audit_items (item text_pattern_ops);
