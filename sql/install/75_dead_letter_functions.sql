/*
 * Dead letters: functions and views.
 */

CREATE FUNCTION dalp.redrive(id bigint, patch jsonb DEFAULT NULL, note text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_redrive';
REVOKE ALL ON FUNCTION dalp.redrive(bigint, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.redrive(bigint, jsonb, text) TO dalp_operator;
COMMENT ON FUNCTION dalp.redrive(bigint, jsonb, text) IS 'goes on where a dead letter failed, its input changed by a JSON merge patch (RFC 7396) where given; returns the id of the run or transaction that goes on';

CREATE FUNCTION dalp.redrive_all(filter jsonb, note text, rate_per_second numeric DEFAULT NULL, dry_run boolean DEFAULT false) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_redrive_all';
REVOKE ALL ON FUNCTION dalp.redrive_all(jsonb, text, numeric, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.redrive_all(jsonb, text, numeric, boolean) TO dalp_operator;
COMMENT ON FUNCTION dalp.redrive_all(jsonb, text, numeric, boolean) IS 'redrives all open dead letters that match (kind, workflow, fingerprint, error, state, since, until, tags), at once or so many a second, and returns how many; dry_run only counts them';

CREATE FUNCTION dalp.discard(id bigint, note text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_discard';
REVOKE ALL ON FUNCTION dalp.discard(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.discard(bigint, text) TO dalp_operator;
COMMENT ON FUNCTION dalp.discard(bigint, text) IS 'settles a dead letter without going on';

CREATE FUNCTION dalp.acknowledge(id bigint, note text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_acknowledge';
REVOKE ALL ON FUNCTION dalp.acknowledge(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.acknowledge(bigint, text) TO dalp_operator;
COMMENT ON FUNCTION dalp.acknowledge(bigint, text) IS 'notes that an operator has seen a dead letter; it stays open';

CREATE VIEW dalp.dead_letters WITH (security_barrier) AS
SELECT
	l.dead_letter_id AS id,
	l.kind,
	l.reference,
	l.scope,
	l.state,
	l.error_class,
	l.fingerprint,
	l.error,
	l.cause,
	l.attempts,
	l.first_failure,
	l.last_failure,
	l.input,
	l.acknowledged_by,
	l.acknowledged_at,
	l.resolution,
	l.resolved_by,
	l.resolved_at,
	l.note
FROM dalp_ops.dead_letter l
WHERE pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE')
	OR (l.kind OPERATOR(pg_catalog.=) 'run' AND EXISTS (SELECT FROM dalp.runs r WHERE r.run_id OPERATOR(pg_catalog.=) l.reference))
	OR (l.kind OPERATOR(pg_catalog.=) 'compensation' AND EXISTS (SELECT FROM dalp_workflow.compensation c
		JOIN dalp.runs r ON r.run_id OPERATOR(pg_catalog.=) c.run_id WHERE c.number OPERATOR(pg_catalog.=) l.reference));
COMMENT ON VIEW dalp.dead_letters IS 'what could not succeed; open where resolution is null';

CREATE VIEW dalp.dead_letter_groups WITH (security_barrier) AS
SELECT
	l.fingerprint,
	l.kind,
	pg_catalog.count(*) AS letters,
	pg_catalog.count(*) FILTER (WHERE l.acknowledged_at IS NULL) AS unacknowledged,
	pg_catalog.min(l.first_failure) AS first_failure,
	pg_catalog.max(l.last_failure) AS last_failure,
	pg_catalog.max(l.id) AS example
FROM dalp.dead_letters l
WHERE l.resolution IS NULL
GROUP BY l.fingerprint, l.kind;
COMMENT ON VIEW dalp.dead_letter_groups IS 'open dead letters counted by fingerprint';

CREATE VIEW dalp.audit_log WITH (security_barrier) AS
SELECT e.entry_id, e.at, e.actor, e.action, e.object, e.details
FROM dalp_audit.entry e
WHERE pg_catalog.pg_has_role('dalp_auditor', 'USAGE') OR pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_custodian', 'USAGE');
COMMENT ON VIEW dalp.audit_log IS 'who did what; append-only';

GRANT SELECT ON dalp.dead_letters, dalp.dead_letter_groups TO dalp_app, dalp_operator, dalp_auditor;
GRANT SELECT ON dalp.audit_log TO dalp_operator, dalp_auditor, dalp_custodian;
