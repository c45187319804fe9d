#!/usr/bin/env node
/*
 * A worker for tasks of dalp (Resource "activity:queue"), to be copied and changed.
 *
 *     worker.mjs --queue mail --call app.send_mail [--together]
 *
 * It claims tasks in batches, keeps their leases alive from a second
 * connection, does the work and completes them; at SIGTERM it finishes the task
 * in hand, gives the others back, and ends.  The connection is what the
 * environment says (PGHOST, PGDATABASE ...); a server that restarts is waited for.
 *
 * The work is here a call of an SQL function (key text, input jsonb) -> jsonb:
 *
 * --together: in one transaction with dalp.assert_lease and dalp.complete_task.
 * Whatever is killed when, its effect happens exactly once.
 *
 * Without: first the work, then, for the whole batch with the next claim, the
 * completion.  As with any service outside the database, the work may be
 * repeated after a crash, always with the same key; the service should know it.
 *
 * Needs the package pg.
 */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";

const STALE = "DL005"; // the task is somebody else's now, or nobody's
const CLAIM_WAIT = 2; // seconds of one long poll: SIGTERM is seen as often
const RECONNECT = 200; // milliseconds between attempts to connect

const { values: options } = parseArgs({
	options: {
		queue: { type: "string" },
		call: { type: "string" },
		name: { type: "string", default: `${hostname()}:${process.pid}` },
		batch: { type: "string", default: "10" }, // tasks in hand at once
		lease: { type: "string", default: "60" }, // seconds
		together: { type: "boolean", default: false }, // effect and completion in one transaction
	},
});
if (!options.queue || !options.call) {
	console.error("usage: worker.mjs --queue NAME --call FUNCTION [--name NAME] [--batch N] [--lease SECONDS] [--together]");
	process.exit(2);
}
const lease = Number(options.lease);

let stopping = false;
let held = new Set(); // tokens of tasks in hand
let lost = new Set(); // those that a heartbeat found stale

async function connect() {
	const client = new pg.Client({ application_name: options.name });
	client.on("error", () => {}); // the next query says it, too
	await client.connect();
	return client;
}

// An error of the server in answer to a query; others mean that the connection is gone.
const isAnswer = (error) => error instanceof pg.DatabaseError && !error.code.startsWith("57") && !error.code.startsWith("08");

// ---- Leases -----------------------------------------------------------------

async function beatOnce(client) {
	for (const token of [...held]) {
		try {
			await client.query("SELECT dalp.heartbeat_task($1)", [token]);
		} catch (error) {
			if (error.code !== STALE) throw error;
			if (held.has(token)) lost.add(token);
		}
	}
}

// Renews all leases three times in each, on a connection of its own.
async function beat() {
	let client;
	while (!stopping) {
		await sleep((lease * 1000) / 3, undefined, { ref: false });
		try {
			client ??= await connect();
			await beatOnce(client);
		} catch {
			client?.end().catch(() => {});
			client = undefined; // the server is away: it gives every lease its time again
		}
	}
	await client?.end();
}

// ---- The work ---------------------------------------------------------------

// The effect: change this to what your worker does.
async function call(client, task) {
	const { rows } = await client.query(`SELECT ${options.call}($1, $2) AS result`,
		[task.idempotency_key, JSON.stringify(task.input)]);
	return rows[0].result;
}

async function doTogether(client, task) {
	await client.query("BEGIN");
	try {
		await client.query("SELECT dalp.assert_lease($1)", [task.task_token]);
		const result = await call(client, task);
		await client.query("SELECT dalp.complete_task($1, $2)", [task.task_token, JSON.stringify(result)]);
		await client.query("COMMIT");
	} catch (error) {
		if (isAnswer(error)) await client.query("ROLLBACK");
		throw error;
	}
}

const unlessStale = (error) => {
	if (error.code !== STALE) throw error;
};

// Does the tasks; returns those that are still to be completed.
async function work(client, tasks) {
	const done = [];
	for (const task of tasks) {
		if (stopping) break;
		if (lost.has(task.task_token)) continue;
		try {
			if (options.together) {
				await doTogether(client, task);
				held.delete(task.task_token);
			} else {
				done.push({ token: task.task_token, result: await call(client, task) });
			}
		} catch (error) {
			if (!isAnswer(error)) throw error;
			// The attempt fails by the error's SQLSTATE; the state's Retry and Catch decide.
			if (error.code !== STALE)
				await client.query("SELECT dalp.fail_task($1, $2, $3)", [task.task_token, error.code, error.message]).catch(unlessStale);
			held.delete(task.task_token);
		}
	}
	return done;
}

// ---- Claiming and completing --------------------------------------------------

// Completes what is done and claims the next batch, in one commit.
async function claim(client, done) {
	const { rows } = await client.query(
		"SELECT * FROM dalp.complete_and_claim($1, $2::jsonb[], $3, $4, $5, $6 * interval '1 s', $7 * interval '1 s')",
		[done.map((each) => each.token), done.map((each) => JSON.stringify(each.result)),
			options.queue, options.name, options.batch, lease, CLAIM_WAIT],
	);
	return rows;
}

// After one of a batch was stale, and at the end: one by one.
async function completeEach(client, done) {
	for (const { token, result } of done)
		await client.query("SELECT dalp.complete_task($1, $2)", [token, JSON.stringify(result)]).catch(unlessStale);
}

async function serve(client) {
	let done = [];
	while (!stopping) {
		let tasks;
		try {
			tasks = await claim(client, done);
		} catch (error) {
			unlessStale(error);
			await completeEach(client, done);
			done = [];
			continue;
		}
		held = new Set(tasks.map((task) => task.task_token));
		lost = new Set();
		done = await work(client, tasks);
	}
	await completeEach(client, done);
	done.forEach((each) => held.delete(each.token));
	await client.query("SELECT dalp.release_tasks($1)", [[...held]]);
}

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => (stopping = true));
beat();
while (!stopping) {
	let client;
	try {
		client = await connect();
		await serve(client);
	} catch (error) {
		console.log(`${options.name}: ${error.message}; trying again`);
		held.clear(); // the leases end by themselves
		await sleep(RECONNECT);
	}
	await client?.end().catch(() => {});
}
process.exit(0);
