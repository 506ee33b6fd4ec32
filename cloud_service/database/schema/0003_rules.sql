-- What the services go by: the settings of the life of a reservation. `due_at` is written by them, so all who live
-- have the same, and whoever comes with others while nobody lives writes it again.
ALTER TABLE network ADD COLUMN rules json;  -- NULL: nobody has said
