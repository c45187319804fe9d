-- Promise: what a state http:request or chain:call asks for is checked when the
-- workflow is created where it can be, and by the state itself otherwise; no
-- credentials in a definition; trials need no network.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA wo;
CREATE FUNCTION wo.machine(resource text, parameters jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object('A',
		jsonb_build_object('Type', 'Task', 'Resource', resource, 'Parameters', parameters, 'End', true)))
$$;
-- Status, error and cause of a run with such a Task.
CREATE PROCEDURE wo.outcome(resource text, parameters jsonb, INOUT outcome text) LANGUAGE plpgsql AS $$
DECLARE
	started bigint;
BEGIN
	PERFORM dalp.create_workflow('wo', wo.machine(resource, jsonb_build_object('x.$', '$')) #- '{States,A,Parameters}');
	started := dalp.start('wo', parameters);
	COMMIT;
	SELECT concat_ws(' | ', s.status, s.error, s.cause) INTO outcome FROM dalp.wait(started, '60s') AS s;
	PERFORM dalp.discard(d.id, 'test') FROM dalp.dead_letters d WHERE d.reference = started AND d.resolution IS NULL;
	COMMIT;
END
$$;

-- When it is created.
SELECT r.number, f.path, f.severity, f.message FROM unnest(ARRAY[
	'{"ApiEndpoint": "https://example.com/", "Method": "GET"}',
	'{"ApiEndpoint.$": "$.url", "Method": "GET", "Headers": {"X-One": "1"}}',
	'{"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": {"authorization": "Bearer secret"}}',
	'{"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": {"Cookie.$": "$.cookie"}}',
	'{"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": {"Host": "other"}}',
	'{"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": {"Idempotency-Key": "mine"}}',
	'{"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": {"a b": "1"}}',
	'{"ApiEndpoint": "https://example.com/", "Method": "GET", "Query": {}}']::jsonb[]) WITH ORDINALITY AS r(parameters, number)
	LEFT JOIN LATERAL dalp.validate_workflow(wo.machine('http:request', parameters)) AS f ON true ORDER BY number;
SELECT f.* FROM dalp.validate_workflow(wo.machine('chain:call', '{"chain": "wo_none", "to": "0x00000000000000000000000000000000000000AA", "data": "0x"}')) AS f;
SELECT f.* FROM dalp.validate_workflow(wo.machine('chain:transaction', '{"chain": "wo_none", "wallet": "w"}')) AS f;
SELECT f.* FROM dalp.validate_workflow(wo.machine('chain:call', '{"chain.$": "$.chain"}')) AS f;

-- When it runs: nothing is sent.
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://example.com/", "Method": "get"}', NULL);
CALL wo.outcome('http:request', '{"Method": "GET"}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "file:///etc/passwd", "Method": "GET"}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://", "Method": "GET"}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://me:you@example.com/", "Method": "GET"}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://example.com/a b", "Method": "GET"}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://example.com/#x", "Method": "GET"}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": {"X": "a\r\nHost: b"}}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": {"Authorization": "Basic abc"}}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://example.com/", "Method": "GET", "Headers": ["X"]}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://example.com/", "Method": "GET", "QueryParameters": {"a": {}}}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "https://example.com/", "Method": "GET", "Authentication": {"ConnectionArn": "arn:x"}}', NULL);
CALL wo.outcome('http:request', '[1]', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "http://127.0.0.1:9/", "Method": "GET"}', NULL);
CALL wo.outcome('http:request', '{"ApiEndpoint": "http://[fd00::1]/", "Method": "GET"}', NULL);
CALL wo.outcome('chain:call', '{"chain": "wo_none", "to": "0x00000000000000000000000000000000000000AA", "data": "0x"}', NULL);
CALL wo.outcome('chain:call', '{"chain": "wo_none", "to": "0xAA", "data": "0x"}', NULL);
CALL wo.outcome('chain:call', '{"chain": "wo_none", "to": "0x00000000000000000000000000000000000000AA"}', NULL);
CALL wo.outcome('chain:call', '{"chain": "wo_none", "to": "0x00000000000000000000000000000000000000AA", "function": "f(uint256)", "args": [-1]}', NULL);
CALL wo.outcome('chain:call', '{"chain": "wo_none", "to": "0x00000000000000000000000000000000000000AA", "data": "0x", "block": "newest"}', NULL);
CALL wo.outcome('chain:call', '{"chain": "wo_none", "to": "0x00000000000000000000000000000000000000AA", "data": "0x", "value": 1}', NULL);
SELECT count(*) FROM dalp_ops.outside_call;

-- A trial gives the answer that it is told.
SELECT dalp.test_state('{"Type": "Task", "Resource": "http:request", "Parameters": {"ApiEndpoint": "https://example.com/", "Method": "GET"},
	"ResultSelector": {"body.$": "$.ResponseBody"}, "End": true}', '{}', '{"result": {"StatusCode": 200, "ResponseBody": {"a": 1}}}')->'output';
SELECT dalp.test_state('{"Type": "Task", "Resource": "chain:call", "Parameters": {"chain": "x"},
	"Catch": [{"ErrorEquals": ["Chain.Reverted"], "Next": "B"}], "End": true}', '{}', '{"error": "Chain.Reverted", "cause": "no"}') - 'calls';

DROP SCHEMA wo CASCADE;
