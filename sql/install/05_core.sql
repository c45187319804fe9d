/*
 * The core: version, processes, and the call that ends install and update
 * scripts (99_wake.sql).
 */

CREATE FUNCTION dalp.version() RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_version';
GRANT EXECUTE ON FUNCTION dalp.version() TO PUBLIC;
COMMENT ON FUNCTION dalp.version() IS 'version of the loaded library';

CREATE FUNCTION dalp_ops.installed() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dalp_installed';
REVOKE ALL ON FUNCTION dalp_ops.installed() FROM PUBLIC;
COMMENT ON FUNCTION dalp_ops.installed() IS 'tells all processes, at commit, that the extension has been created or updated; DL009 without preload';

CREATE FUNCTION dalp_ops.worker_status(
	OUT database name, OUT kind text, OUT index int, OUT pid int, OUT state text,
	OUT started_at timestamptz, OUT restarts int, OUT turns bigint, OUT last_turn_at timestamptz)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_worker_status';
REVOKE ALL ON FUNCTION dalp_ops.worker_status() FROM PUBLIC;
COMMENT ON FUNCTION dalp_ops.worker_status() IS 'the processes of dalp in this cluster, from shared memory';

CREATE VIEW dalp.workers AS
SELECT w.database, w.kind, w.index, w.pid, w.state, w.started_at, w.restarts, w.turns, w.last_turn_at
FROM dalp_ops.worker_status() AS w;
COMMENT ON VIEW dalp.workers IS 'the processes of dalp in this cluster';
COMMENT ON COLUMN dalp.workers.database IS 'database it works in; null for the launcher';
COMMENT ON COLUMN dalp.workers.kind IS 'launcher, scheduler, executor, broadcaster, signer or verifier';
COMMENT ON COLUMN dalp.workers.index IS 'which one of its kind, from 0';
COMMENT ON COLUMN dalp.workers.pid IS 'process id; null where it isn''t running';
COMMENT ON COLUMN dalp.workers.state IS 'running, starting, waiting (for its back-off) or held (by a statement that needs the database for itself)';
COMMENT ON COLUMN dalp.workers.started_at IS 'when the process attached last';
COMMENT ON COLUMN dalp.workers.restarts IS 'how often it ended by an error or a signal, since the server started';
COMMENT ON COLUMN dalp.workers.turns IS 'how often this process woke up and looked for work';
COMMENT ON COLUMN dalp.workers.last_turn_at IS 'when it did so last';

GRANT EXECUTE ON FUNCTION dalp_ops.worker_status() TO dalp_operator, dalp_auditor;
GRANT SELECT ON dalp.workers TO dalp_operator, dalp_auditor;
