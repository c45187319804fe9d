/*
 * Schemas: the public one for every role of dalp and for pure functions for
 * everybody; nobody else needs the others.
 */
GRANT USAGE ON SCHEMA dalp TO PUBLIC;
