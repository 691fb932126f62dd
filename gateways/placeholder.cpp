// Replaced by the first door.
