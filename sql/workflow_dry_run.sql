-- dalp.dry_run: the whole run with its real SQL handlers, and nothing of it stays.
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE SCHEMA dry;
CREATE TABLE dry.stock (what text PRIMARY KEY, n int CHECK (n >= 0));
INSERT INTO dry.stock VALUES ('bolt', 3);
CREATE FUNCTION dry.take(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE rest int;
BEGIN
	UPDATE dry.stock SET n = n - (input ->> 'n')::int WHERE what = input ->> 'what' RETURNING n INTO rest;
	RETURN to_jsonb(rest);
END
$$;
CREATE FUNCTION dry.who(input jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb(current_user::text)$$;
SELECT dalp.create_workflow('dry', '{"StartAt": "Take", "States": {
	"Take": {"Type": "Task", "Resource": "sql:dry.take", "ResultPath": "$.left", "Next": "Pay",
		"Catch": [{"ErrorEquals": ["23514"], "ResultPath": "$.error", "Next": "None"}]},
	"Pay": {"Type": "Task", "Resource": "signal:paid", "ResultPath": "$.paid", "Next": "Sleep"},
	"Sleep": {"Type": "Wait", "Seconds": 3600, "Next": "Each"},
	"Each": {"Type": "Map", "ItemsPath": "$.parts", "ResultPath": "$.rest", "End": true, "ItemProcessor": {"StartAt": "One", "States": {
		"One": {"Type": "Task", "Resource": "sql:dry.take", "End": true}}}},
	"None": {"Type": "Fail", "Error": "NoStock", "CausePath": "$.error.Error"}}}') > 0 AS created;
-- The steps see each other's effects; afterwards there are none.
SELECT r ->> 'status' AS status, r -> 'output' AS output, r -> 'path' AS path, r -> 'waits' AS waits
	FROM dalp.dry_run('dry', '{"what": "bolt", "n": 1, "parts": [{"what": "bolt", "n": 1}, {"what": "bolt", "n": 1}]}', '{"Pay": {"result": "yes"}}') AS r;
SELECT n FROM dry.stock;
SELECT count(*) FROM dalp.runs WHERE workflow = 'dry';
-- Errors are caught as in a real run; a failure is a result.
SELECT r ->> 'status' AS status, r ->> 'error' AS error, r ->> 'cause' AS cause, r -> 'path' AS path
	FROM dalp.dry_run('dry', '{"what": "bolt", "n": 5, "parts": []}', '{"Pay": {"result": "yes"}}') AS r;
SELECT r ->> 'status' AS status, r ->> 'error' AS error
	FROM dalp.dry_run('dry', '{"what": "bolt", "n": 1, "parts": [{"what": "bolt", "n": 9}]}', '{"Pay": {"result": "yes"}}') AS r;
SELECT n FROM dry.stock;
-- Inside of a transaction that goes on.
BEGIN;
UPDATE dry.stock SET n = 10;
SELECT dalp.dry_run('dry', '{"what": "bolt", "n": 4, "parts": []}', '{"Pay": {"result": 1}, "Take": {"result": "mocked"}}') #>> '{output,left}' AS mocked;
SELECT dalp.dry_run('dry', '{"what": "bolt", "n": 4, "parts": []}', '{"Pay": {"result": 1}}') #>> '{output,left}' AS left;
COMMIT;
SELECT n FROM dry.stock;
-- What reaches outside needs a mock; mocks are checked.
SELECT dalp.dry_run('dry', '{}');
SELECT dalp.dry_run('dry', '{}', '{"Nowhere": {"result": 1}}');
SELECT dalp.dry_run('nothing');
SELECT dalp.dry_run('dry', version => 99);
-- Handlers have the rights of the workflow's author; the caller needs the right to start it.
CREATE ROLE regress_dry;
GRANT dalp_app TO regress_dry;
SELECT dalp.create_workflow('dry_who', '{"StartAt": "W", "States": {"W": {"Type": "Task", "Resource": "sql:dry.who", "End": true}}}');
SET ROLE regress_dry;
SELECT dalp.dry_run('dry_who');
RESET ROLE;
SELECT dalp.grant_workflow('dry_who', 'regress_dry');
SET ROLE regress_dry;
SELECT dalp.dry_run('dry_who') ->> 'output' <> 'regress_dry' AS as_author;
RESET ROLE;
SELECT dalp.revoke_workflow('dry_who', 'regress_dry');
DROP ROLE regress_dry;
DROP SCHEMA dry CASCADE;
