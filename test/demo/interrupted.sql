/*
 * What was under way at the moment "killed": told afterwards from the
 * histories, by dalp_operator's views.
 */
\set ON_ERROR_STOP on

SELECT format('    %s runs in %s', lpad(count(*)::text, 3), coalesce(state, 'their first step, not begun'))
FROM (
	SELECT DISTINCT ON (run_id) run_id, state, seq
	FROM dalp.run_history
	WHERE at <= :'killed' AND event IN ('started', 'entered')
	ORDER BY run_id, seq DESC) AS entered
WHERE run_id NOT IN (SELECT run_id FROM dalp.runs WHERE finished_at <= :'killed')
	AND NOT EXISTS (SELECT FROM dalp.run_history AS failed
		WHERE failed.run_id = entered.run_id AND failed.seq >= entered.seq AND event = 'failed' AND at <= :'killed')
GROUP BY state
ORDER BY min(array_position(ARRAY['CheckEligibility', 'DeployToken', 'ConfigureToken', 'AwaitApproval', 'Mint', 'RegisterInBooks', 'Notify'], state)) NULLS FIRST;

SELECT format('    %s transactions %s', lpad(count(*)::text, 3), place)
FROM (
	SELECT CASE
		WHEN a.signed IS NULL OR a.signed > :'killed' THEN 'queued, without a nonce'
		ELSE 'signed and committed, not yet final' END AS place
	FROM dalp.transactions t
	LEFT JOIN (SELECT transaction_id, min(created_at) AS signed FROM dalp.transaction_attempts GROUP BY 1) a USING (transaction_id)
	WHERE t.submitted_at <= :'killed' AND (t.finished_at IS NULL OR t.finished_at > :'killed')) AS under_way
GROUP BY place
ORDER BY place;
