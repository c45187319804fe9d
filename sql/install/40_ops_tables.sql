/*
 * Operations: what is installed, dead letters, the audit log.
 */

CREATE TABLE dalp_ops.installation (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	instance	uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
	installed_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
INSERT INTO dalp_ops.installation DEFAULT VALUES;
COMMENT ON TABLE dalp_ops.installation IS 'one row; every process watches this table to notice that the extension went or came';
COMMENT ON COLUMN dalp_ops.installation.singleton IS 'always true';
COMMENT ON COLUMN dalp_ops.installation.instance IS 'identity of this installation';
COMMENT ON COLUMN dalp_ops.installation.installed_at IS 'when';

CREATE TABLE dalp_ops.dead_letter (
	dead_letter_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['run', 'compensation', 'transaction', 'webhook'])),
	reference	bigint NOT NULL,
	scope		text NOT NULL,
	state		text,
	error_class	text NOT NULL,
	fingerprint	text NOT NULL,
	error		text,
	cause		text,
	attempts	int NOT NULL,
	first_failure	timestamptz NOT NULL,
	last_failure	timestamptz NOT NULL,
	input		jsonb,
	acknowledged_by	regrole,
	acknowledged_at	timestamptz,
	resolution	text CHECK (resolution OPERATOR(pg_catalog.=) 'redriven' OR resolution OPERATOR(pg_catalog.=) 'discarded'),
	resolved_by	regrole,
	resolved_at	timestamptz,
	note		text,
	CHECK ((resolution IS NULL) OPERATOR(pg_catalog.=) (resolved_at IS NULL)),
	CHECK ((acknowledged_by IS NULL) OPERATOR(pg_catalog.=) (acknowledged_at IS NULL))
);
COMMENT ON TABLE dalp_ops.dead_letter IS 'what could not succeed, with everything needed to repair it';
COMMENT ON COLUMN dalp_ops.dead_letter.dead_letter_id IS 'id for dalp.redrive and dalp.discard';
COMMENT ON COLUMN dalp_ops.dead_letter.kind IS 'run, compensation, transaction or webhook';
COMMENT ON COLUMN dalp_ops.dead_letter.reference IS 'id of the run or transaction, number of the compensation';
COMMENT ON COLUMN dalp_ops.dead_letter.scope IS 'name of the workflow, or wallet@chain';
COMMENT ON COLUMN dalp_ops.dead_letter.state IS 'state of the workflow that failed';
COMMENT ON COLUMN dalp_ops.dead_letter.error_class IS 'SQLSTATE class, Chain, States …';
COMMENT ON COLUMN dalp_ops.dead_letter.fingerprint IS 'the same for failures of one kind: error, place and message without digits and quoted parts';
COMMENT ON COLUMN dalp_ops.dead_letter.error IS 'error name';
COMMENT ON COLUMN dalp_ops.dead_letter.cause IS 'error cause';
COMMENT ON COLUMN dalp_ops.dead_letter.attempts IS 'how often it was tried';
COMMENT ON COLUMN dalp_ops.dead_letter.first_failure IS 'first failure of the state or request';
COMMENT ON COLUMN dalp_ops.dead_letter.last_failure IS 'last failure';
COMMENT ON COLUMN dalp_ops.dead_letter.input IS 'the whole input of what failed';
COMMENT ON COLUMN dalp_ops.dead_letter.acknowledged_by IS 'operator who has seen it';
COMMENT ON COLUMN dalp_ops.dead_letter.acknowledged_at IS 'when';
COMMENT ON COLUMN dalp_ops.dead_letter.resolution IS 'redriven or discarded; null = open';
COMMENT ON COLUMN dalp_ops.dead_letter.resolved_by IS 'by whom';
COMMENT ON COLUMN dalp_ops.dead_letter.resolved_at IS 'when';
COMMENT ON COLUMN dalp_ops.dead_letter.note IS 'the operator''s note';
CREATE UNIQUE INDEX dead_letter_open ON dalp_ops.dead_letter (kind, reference) WHERE resolution IS NULL;
CREATE INDEX dead_letter_group ON dalp_ops.dead_letter (fingerprint) WHERE resolution IS NULL;

CREATE TABLE dalp_audit.entry (
	entry_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at		timestamptz NOT NULL,
	actor		regrole NOT NULL,
	action		text NOT NULL,
	object		text,
	details		jsonb
);
COMMENT ON TABLE dalp_audit.entry IS 'who did what; append-only';
COMMENT ON COLUMN dalp_audit.entry.entry_id IS 'order';
COMMENT ON COLUMN dalp_audit.entry.at IS 'when';
COMMENT ON COLUMN dalp_audit.entry.actor IS 'role that acted';
COMMENT ON COLUMN dalp_audit.entry.action IS 'name of the function';
COMMENT ON COLUMN dalp_audit.entry.object IS 'what it acted on';
COMMENT ON COLUMN dalp_audit.entry.details IS 'arguments, without secrets';

CREATE FUNCTION dalp_audit.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'DL003';
END
$$;
REVOKE ALL ON FUNCTION dalp_audit.refuse_change() FROM PUBLIC;
COMMENT ON FUNCTION dalp_audit.refuse_change() IS 'trigger: refuses every change of an audit entry';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dalp_audit.entry
FOR EACH ROW EXECUTE FUNCTION dalp_audit.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON dalp_audit.entry
FOR EACH STATEMENT EXECUTE FUNCTION dalp_audit.refuse_change();
