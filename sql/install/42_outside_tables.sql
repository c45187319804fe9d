/*
 * Requests of workflows to the outside: HTTP, and read-only calls of contracts.
 */

CREATE TABLE dalp_ops.outside_call (
	call_id		bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) 'http' OR kind OPERATOR(pg_catalog.=) 'chain'),
	target		text COLLATE "C" NOT NULL,
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	request		jsonb NOT NULL,
	idempotency_key	text NOT NULL,
	traceparent	text,
	expires_at	timestamptz,
	created_at	timestamptz NOT NULL,
	token_seq	int
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE dalp_ops.outside_call IS 'what runs have asked the outside for and have no answer to yet; the broadcaster makes the requests. A row is written with the checkpoint of the step, and deleted with the message that holds the answer';
COMMENT ON COLUMN dalp_ops.outside_call.call_id IS 'order within a target';
COMMENT ON COLUMN dalp_ops.outside_call.kind IS 'http: a request of HTTP; chain: eth_call';
COMMENT ON COLUMN dalp_ops.outside_call.target IS 'scheme, host and port, or chain and its name: each has requests of its own under way';
COMMENT ON COLUMN dalp_ops.outside_call.run_id IS 'run that waits';
COMMENT ON COLUMN dalp_ops.outside_call.branch_id IS 'its branch';
COMMENT ON COLUMN dalp_ops.outside_call.request IS 'what is asked for, without secrets';
COMMENT ON COLUMN dalp_ops.outside_call.idempotency_key IS 'run, branch and state entry: the same at each attempt';
COMMENT ON COLUMN dalp_ops.outside_call.traceparent IS 'W3C trace context that is handed on';
COMMENT ON COLUMN dalp_ops.outside_call.expires_at IS 'TimeoutSeconds of the state; null = none';
COMMENT ON COLUMN dalp_ops.outside_call.created_at IS 'when the step asked';
COMMENT ON COLUMN dalp_ops.outside_call.token_seq IS 'number of the token that the request hands out: the run waits for that, not for the answer; null = for the answer';
CREATE INDEX outside_call_target ON dalp_ops.outside_call (target, call_id);
