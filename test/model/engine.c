/*
 * engine.c
 *		Promise: whatever executors, scheduler, workers, senders and operators do
 *		at the same time, and whenever any of them dies, no effect happens twice,
 *		nothing is lost, nothing gets stuck, and a stale token does nothing.
 *
 * A model of one run, explored completely (explore.c):
 *
 *   1 Task "activity:…" with TimeoutSeconds and one Retry, its Catch leads to 2
 *   2 Task "signal:…" with TimeoutSeconds, its Catch leads to 3
 *   3 Task "sql:…", then the end
 *
 * The steps are the statements of the stores of src/workflow/, each with its own
 * snapshot, its row locks and what it waits for: two executors that may both
 * look at the same shard (while it changes hands), the scheduler with timers
 * and leases, two workers, one sender, one operator who cancels.  What a
 * transaction writes appears at its commit.  Everybody can die at any point,
 * which leaves what they had committed; a crash of the server is all of them
 * dying, so it needs no step of its own.  Time is free: any timer and any
 * lease may be over at any moment.
 *
 * The model must find bugs, too: each of `mutations` is a mistake that was
 * near at hand, and has to be found.
 *
 * Environment: MODEL_LARGE=1 adds large_scenarios, which take long and much
 * memory; MODEL_TRACES=1 shows how each mistake goes wrong.
 *
 * Links: test/model/explore.c
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "explore.h"

/* Room; more is an assertion. */
#define READY_ROWS 7
#define TIMER_ROWS 3
#define MESSAGES 4

/* A row is a kind and what it refers to; 0 is no row. */
#define ROW(kind, reference) ((uint8_t) ((kind) | (reference) << 4))
#define KIND(row) ((row) & 15)
#define REFERENCE(row) ((row) >> 4)

enum							/* kinds of ready rows, timers, waits, messages */
{
	NOTHING, STEP, DELIVER, TIMEOUT, RETRY, TASK, SIGNAL, FAILURE
};

/* A time-out refers to entry and attempt; the code knows the entry only, the attempt is for the check. */
#define ENTRY_ATTEMPT(entry, attempt) ((entry) | (attempt) << 2)
#define ENTRY(reference) ((reference) & 3)

enum							/* processes; a lock holds the number */
{
	NOBODY, EXECUTOR_1, EXECUTOR_2, OPERATOR, SCHEDULER, WORKER_1, WORKER_2, SENDER
};

enum							/* where a process that locks the run is */
{
	IDLE, CLAIMING, LOCKED, DECIDING, ABANDONING, WAITING_FOR_ROW, TIMERS, COMMITTING
};

enum							/* what it will write */
{
	NO_PLAN, PLAN_NOTHING, PLAN_TASK, PLAN_TAKE_SIGNAL, PLAN_AWAIT_SIGNAL, PLAN_BODY, PLAN_DELIVER, PLAN_TIMEOUT, PLAN_CANCEL
};

#define ABANDON_LOOKS 6			/* ABANDON_ROUNDS of task_store.c, two tables each */

typedef struct Claimant
{
	uint8_t		at;
	uint8_t		plan;
	uint8_t		row;			/* slot of the ready row */
	uint8_t		saved;			/* what was in it at the claim */
	uint8_t		entry;
	uint8_t		attempt;
	uint8_t		message;		/* slot */
	uint8_t		keeps_row;
	uint8_t		look;			/* which of ABANDON_LOOKS */
	uint8_t		waits_for;		/* identity of the row that somebody else has locked */
} Claimant;

typedef struct Worker
{
	uint8_t		at;				/* 0, 1 claiming, 2 completing */
	uint8_t		token;			/* 0 = none */
	uint8_t		number;			/* of the task: the attempt, from 1 */
} Worker;

typedef struct State
{
	/* committed */
	uint8_t		live;			/* 1 live, 2 succeeded, 3 cancelled */
	uint8_t		entry;
	uint8_t		attempt;
	uint8_t		wait;
	uint8_t		ready[READY_ROWS];
	uint8_t		timer[TIMER_ROWS];
	uint8_t		inbox[MESSAGES];
	uint8_t		task;			/* number of the open task; 0 = none */
	uint8_t		task_row;		/* identity of its row */
	uint8_t		lease;			/* number of the task that is out; 0 = none */
	uint8_t		token;			/* its token, also the identity of the row */

	/* row locks: processes */
	uint8_t		run_lock;
	uint8_t		task_lock;
	uint8_t		lease_lock;
	uint8_t		timer_lock[TIMER_ROWS];

	/* processes; the operator is a claimant too */
	Claimant	claimant[3];
	Worker		worker[2];
	uint8_t		scheduler_at;	/* 0, 1 a timer, 2 a lease lost, 3 a lease failed */
	uint8_t		scheduler_row;
	uint8_t		sender_at;

	/* how much may still happen */
	uint8_t		tokens_given;
	uint8_t		rows_given;
	uint8_t		losses;
	uint8_t		signals;
	uint8_t		cancels;

	/* what happened */
	uint8_t		effects[4];		/* task 1, task 2, signal, body */
	uint8_t		wrong;			/* 1 + index into wrongs */
} State;

static const char *const wrongs[] = {
	"a task that was completed is timed out",
	"a time-out ends another attempt than its own",
	"a token counts that is stale",
	"a second wait for the branch",
	"a step that isn't the run's"
};
enum
{
	COMPLETED_TIMED_OUT = 1, EARLY_TIMEOUT, STALE_TOKEN, SECOND_WAIT, WRONG_STEP
};

/* Mistakes. */
typedef enum Mutation
{
	CORRECT,
	NO_LOCK,
	POSITION_BEFORE_LOCK,
	ROW_NOT_CHECKED,
	ONLY_PLACE_CHECKED,
	LEASE_KEPT,
	NO_FENCING,
	COMPLETION_IGNORED,
	ONE_LOOK,
	SIGNAL_WITHOUT_ROW,
	TIMEOUT_OF_ANY_ATTEMPT,
	TIMERS_LEFT,
	LEASE_LOST_FOR_GOOD,
	WORKER_LOCKS_RUN
} Mutation;

static const struct
{
	Mutation	mutation;
	const char *name;
} mutations[] = {
	{NO_LOCK, "claims without locking the run"},
	{POSITION_BEFORE_LOCK, "reads the position in the statement that locks, so from before the lock"},
	{ROW_NOT_CHECKED, "doesn't look after the lock whether the ready row is still there"},
	{ONLY_PLACE_CHECKED, "looks only whether some ready row of the run is in that place"},
	{LEASE_KEPT, "completes a task without deleting the lease"},
	{NO_FENCING, "completes the task that is out, whatever the token"},
	{COMPLETION_IGNORED, "times a task out although neither task nor lease was found"},
	{ONE_LOOK, "looks for task and lease only once when a state is abandoned"},
	{SIGNAL_WITHOUT_ROW, "sends a signal without a ready row where nobody waits yet"},
	{TIMEOUT_OF_ANY_ATTEMPT, "lets a time-out of an earlier attempt end this one"},
	{TIMERS_LEFT, "leaves the timers of a wait that ended"},
	{LEASE_LOST_FOR_GOOD, "deletes a lost lease without opening the task again"},
	{WORKER_LOCKS_RUN, "locks the run while completing, after the lease: the other order"}
};

static Mutation mutation;

/* Who takes part; all of them at once would be too many states for every day. */
typedef struct Scenario
{
	const char *name;
	int			executors;
	int			workers;
	int			losses;			/* of leases */
	int			signals;
	int			cancels;
} Scenario;

static const Scenario scenarios[] = {
	{"two executors, a worker", 2, 1, 0, 0, 0},
	{"an executor, a worker, a signal", 1, 1, 0, 1, 0},
	{"two executors, an operator, a signal", 2, 0, 0, 1, 1},
	{"two workers, a lost lease", 1, 2, 1, 0, 0},
	{"a worker, a lost lease, an operator", 1, 1, 1, 0, 1}
};
static const Scenario large_scenarios[] = {
	{"two executors, a worker, a lost lease, a signal", 2, 1, 1, 1, 0},
	{"two workers, a lost lease, an operator", 1, 2, 1, 0, 1},
	{"two executors, a worker, a signal, an operator", 2, 1, 0, 1, 1}
};
static const Scenario *scenario;

/* Puts a row into the lowest free place. PostgreSQL reuses a place once no snapshot can see what was there. */
static void
add_ready(State *s, uint8_t row)
{
	for (int i = 0; i < READY_ROWS; i++)
	{
		bool		seen = false;

		for (int c = 0; c < 2; c++)
			if (s->claimant[c].row == i && s->claimant[c].at == CLAIMING)
				seen = true;
		if (s->ready[i] == 0 && !seen)
		{
			s->ready[i] = row;
			return;
		}
	}
	assert(!"room for ready rows");
}

static void
add_to(uint8_t *rows, int count, uint8_t row)
{
	for (int i = 0; i < count; i++)
		if (rows[i] == 0)
		{
			rows[i] = row;
			return;
		}
	assert(!"room for rows");
}

static bool
has_row(const uint8_t *rows, int count, uint8_t row)
{
	for (int i = 0; i < count; i++)
		if (rows[i] == row)
			return true;
	return false;
}

/*
 * Claimants: executors, and the operator who cancels
 */

static void
release(State *s, int who)
{
	if (s->run_lock == who)
		s->run_lock = NOBODY;
	if (s->task_lock == who)
		s->task_lock = NOBODY;
	if (s->lease_lock == who)
		s->lease_lock = NOBODY;
	for (int i = 0; i < TIMER_ROWS; i++)
		if (s->timer_lock[i] == who)
			s->timer_lock[i] = NOBODY;
	if (who <= OPERATOR)
		memset(&s->claimant[who - 1], 0, sizeof(Claimant));
}

/* The message in the inbox that the wait is for; -1 = none. */
static int
matching_message(const State *s, bool *more)
{
	int			found = -1;

	*more = false;
	for (int i = 0; i < MESSAGES; i++)
	{
		uint8_t		message = s->inbox[i];
		bool		matches = false;

		if (KIND(s->wait) == SIGNAL)
			matches = KIND(message) == SIGNAL;
		else if (KIND(s->wait) == TASK)
			matches = (KIND(message) == TASK || KIND(message) == FAILURE) &&
				REFERENCE(message) == REFERENCE(s->wait);
		if (matches && found >= 0)
			*more = true;
		else if (matches)
			found = i;
	}
	return found;
}

static void
begin_wait(State *s, uint8_t wait)
{
	if (s->wait != 0)
		s->wrong = SECOND_WAIT;
	s->wait = wait;
	add_to(s->timer, TIMER_ROWS, ROW(TIMEOUT, ENTRY_ATTEMPT(s->entry, s->attempt)));
}

static void
end_wait(State *s, int who)
{
	s->wait = 0;
	for (int i = 0; i < TIMER_ROWS; i++)
		if (s->timer_lock[i] == who)
			s->timer[i] = 0;
}

/* The state has failed: once more, or to what its Catch says. */
static void
fail_state(State *s)
{
	if (s->entry == 1 && s->attempt == 0)
	{
		s->attempt = 1;
		add_to(s->timer, TIMER_ROWS, ROW(RETRY, 0));
		return;
	}
	s->entry++;
	s->attempt = 0;
	add_ready(s, ROW(STEP, 0));
}

static void
end_run(State *s, uint8_t how)
{
	s->live = how;
	s->wait = 0;
	memset(s->timer, 0, sizeof(s->timer));
	memset(s->inbox, 0, sizeof(s->inbox));
	memset(s->ready, 0, sizeof(s->ready));
}

static void
commit_plan(State *s, int who)
{
	Claimant   *c = &s->claimant[who - 1];

	if (c->plan != PLAN_CANCEL && (c->entry != s->entry || c->attempt != s->attempt || s->live != 1))
	{
		s->wrong = WRONG_STEP;
		return;
	}
	switch (c->plan)
	{
		case PLAN_NOTHING:
			s->ready[c->row] = 0;
			break;
		case PLAN_TASK:
			s->ready[c->row] = 0;
			begin_wait(s, ROW(TASK, s->attempt + 1));
			s->task = s->attempt + 1;
			s->task_row = ++s->rows_given;
			break;
		case PLAN_TAKE_SIGNAL:
			s->inbox[c->message] = 0;
			s->effects[2]++;
			s->entry++;
			break;
		case PLAN_AWAIT_SIGNAL:
			s->ready[c->row] = 0;
			begin_wait(s, ROW(SIGNAL, 0));
			break;
		case PLAN_BODY:
			s->effects[3]++;
			end_run(s, 2);
			break;
		case PLAN_DELIVER:
			{
				uint8_t		message = s->inbox[c->message];

				s->inbox[c->message] = 0;
				if (!c->keeps_row)
					s->ready[c->row] = 0;
				end_wait(s, who);
				if (KIND(message) == FAILURE)
					fail_state(s);
				else
				{
					if (KIND(message) == SIGNAL)
						s->effects[2]++;
					s->entry++;
					s->attempt = 0;
					add_ready(s, ROW(STEP, 0));
				}
				break;
			}
		case PLAN_TIMEOUT:
			if (s->entry == 1 && s->effects[s->attempt] > 0)
				s->wrong = COMPLETED_TIMED_OUT;
			/* Another attempt's will do where this one's own has come, too. */
			if (!has_row(s->ready, READY_ROWS, ROW(TIMEOUT, ENTRY_ATTEMPT(s->entry, s->attempt))))
				s->wrong = EARLY_TIMEOUT;
			if (s->task_lock == who)
				s->task = s->task_row = 0;
			if (s->lease_lock == who)
				s->lease = s->token = 0;
			s->ready[c->row] = 0;
			end_wait(s, who);
			fail_state(s);
			break;
		case PLAN_CANCEL:
			if (s->task_lock == who)
				s->task = s->task_row = 0;
			if (s->lease_lock == who)
				s->lease = s->token = 0;
			end_run(s, 3);
			break;
	}
	release(s, who);
}

/* With the run locked and the position known: what is to be done. */
static void
decide(State *s, int who)
{
	Claimant   *c = &s->claimant[who - 1];
	bool		more;
	int			message;

	c->at = COMMITTING;
	switch (KIND(c->saved))
	{
		case STEP:
			if (c->entry == 1)
				c->plan = PLAN_TASK;
			else if (c->entry == 3)
			{
				c->plan = PLAN_BODY;
				c->at = TIMERS;
			}
			else
			{
				c->plan = PLAN_AWAIT_SIGNAL;
				for (int i = MESSAGES; i-- > 0;)
					if (KIND(s->inbox[i]) == SIGNAL)
					{
						c->plan = PLAN_TAKE_SIGNAL;
						c->message = (uint8_t) i;
					}
			}
			break;
		case DELIVER:
			message = matching_message(s, &more);
			c->plan = PLAN_NOTHING;
			if (message < 0)
				break;
			c->plan = PLAN_DELIVER;
			c->message = (uint8_t) message;
			c->keeps_row = more;
			c->at = TIMERS;
			break;
		case TIMEOUT:
			c->plan = PLAN_NOTHING;
			if (ENTRY(REFERENCE(c->saved)) != c->entry || s->wait == 0)
				break;
			/* While this attempt's own timer runs, it is an earlier one's that came. */
			for (int i = 0; i < TIMER_ROWS; i++)
				if (KIND(s->timer[i]) == TIMEOUT && ENTRY(REFERENCE(s->timer[i])) == c->entry && mutation != TIMEOUT_OF_ANY_ATTEMPT)
					return;
			c->plan = PLAN_TIMEOUT;
			c->at = KIND(s->wait) == TASK ? ABANDONING : TIMERS;
			break;
	}
}

/* A look for task or lease of the state that is given up, each a DELETE with a snapshot of its own. */
static void
abandon(State *s, int who)
{
	Claimant   *c = &s->claimant[who - 1];
	bool		in_task = c->look % 2 == 0;
	uint8_t		there = in_task ? s->task_row : s->token;
	uint8_t    *lock = in_task ? &s->task_lock : &s->lease_lock;
	int			looks = mutation == ONE_LOOK ? 1 : ABANDON_LOOKS;

	/* Somebody had the row locked: the statement sees what became of that row, not a new one. */
	if (c->at == WAITING_FOR_ROW && there != c->waits_for)
		there = 0;
	if (there != 0 && *lock != NOBODY)
	{
		c->at = WAITING_FOR_ROW;
		c->waits_for = there;
		return;
	}
	c->waits_for = 0;
	if (there != 0)
	{
		*lock = (uint8_t) who;
		c->at = TIMERS;
		return;
	}
	c->at = ABANDONING;
	if (++c->look < looks)
		return;
	c->at = TIMERS;
	if (c->plan == PLAN_TIMEOUT && mutation != COMPLETION_IGNORED)
	{
		c->plan = PLAN_NOTHING;
		c->at = COMMITTING;
	}
}

/* Can the claimant's statement go on, or does it wait for somebody's lock? */
static bool
is_blocked(const State *s, int who)
{
	const Claimant *c = &s->claimant[who - 1];

	if (c->at == WAITING_FOR_ROW)
		return c->look % 2 == 0 ? s->task_lock != NOBODY && s->task_row == c->waits_for :
			s->lease_lock != NOBODY && s->token == c->waits_for;
	if (c->at == TIMERS && mutation != TIMERS_LEFT)
		for (int i = 0; i < TIMER_ROWS; i++)
			if (s->timer[i] != 0 && s->timer_lock[i] != NOBODY && s->timer_lock[i] != who)
				return true;
	return false;
}

static void
go_on(State *s, int who)
{
	Claimant   *c = &s->claimant[who - 1];
	bool		there;

	switch (c->at)
	{
		case CLAIMING:
			if (mutation != NO_LOCK && s->run_lock != NOBODY)
				release(s, who);	/* SKIP LOCKED */
			else if (s->live != 1)
				release(s, who);
			else
			{
				if (mutation != NO_LOCK)
					s->run_lock = (uint8_t) who;
				c->at = LOCKED;
			}
			break;
		case LOCKED:
			there = mutation == ONLY_PLACE_CHECKED ? s->ready[c->row] != 0 : s->ready[c->row] == c->saved;
			if (!there && mutation != ROW_NOT_CHECKED && mutation != POSITION_BEFORE_LOCK)
			{
				release(s, who);
				break;
			}
			if (mutation != POSITION_BEFORE_LOCK)
			{
				c->entry = s->entry;
				c->attempt = s->attempt;
			}
			c->at = DECIDING;
			break;
		case DECIDING:
			decide(s, who);
			break;
		case ABANDONING:
		case WAITING_FOR_ROW:
			abandon(s, who);
			break;
		case TIMERS:
			for (int i = 0; i < TIMER_ROWS; i++)
				if (s->timer[i] != 0 && mutation != TIMERS_LEFT)
					s->timer_lock[i] = (uint8_t) who;
			c->at = COMMITTING;
			break;
		case COMMITTING:
			commit_plan(s, who);
			break;
	}
}

static void
next_of_claimant(Exploration *e, const State *s, int who)
{
	static const char *const labels[3][8] = {
		{"executor 1 sees a ready row", "executor 1 locks the run or passes it", "executor 1 reads the position",
		"executor 1 decides", "executor 1 looks for the task", "executor 1 waited for a row", "executor 1 deletes timers", "executor 1 commits"},
		{"executor 2 sees a ready row", "executor 2 locks the run or passes it", "executor 2 reads the position",
		"executor 2 decides", "executor 2 looks for the task", "executor 2 waited for a row", "executor 2 deletes timers", "executor 2 commits"},
		{"operator locks the run", "", "", "", "operator looks for the task", "operator waited for a row", "operator deletes timers", "operator commits"}
	};
	const Claimant *c = &s->claimant[who - 1];
	State		n = *s;

	if (c->at == IDLE && who == OPERATOR)
	{
		if (s->cancels == 0 || s->live != 1 || s->run_lock != NOBODY)
			return;
		n.cancels--;
		n.run_lock = OPERATOR;
		n.claimant[who - 1].plan = PLAN_CANCEL;
		n.claimant[who - 1].at = KIND(s->wait) == TASK ? ABANDONING : TIMERS;
		explore_yield(e, &n, labels[2][0], true);
		return;
	}
	if (c->at == IDLE)
	{
		for (int i = 0; i < READY_ROWS; i++)
			if (s->ready[i] != 0 && s->live == 1)
			{
				n = *s;
				n.claimant[who - 1] = (Claimant) {
					.at = CLAIMING, .row = (uint8_t) i, .saved = s->ready[i]
				};
				if (mutation == POSITION_BEFORE_LOCK)
				{
					n.claimant[who - 1].entry = s->entry;
					n.claimant[who - 1].attempt = s->attempt;
				}
				explore_yield(e, &n, labels[who - 1][0], true);
			}
		return;
	}
	if (!is_blocked(s, who))
	{
		go_on(&n, who);
		explore_yield(e, &n, labels[who - 1][c->at], true);
	}
	n = *s;
	release(&n, who);
	explore_yield(e, &n, who == OPERATOR ? "operator's session dies" : who == EXECUTOR_1 ? "executor 1 dies" : "executor 2 dies", false);
}

/*
 * The scheduler: a timer, or a lease that is over
 */

static void
next_of_scheduler(Exploration *e, const State *s)
{
	State		n;

	if (s->scheduler_at == 0)
	{
		for (int i = 0; i < TIMER_ROWS; i++)
			if (s->timer[i] != 0 && s->timer_lock[i] == NOBODY)
			{
				n = *s;
				n.scheduler_at = 1;
				n.scheduler_row = (uint8_t) i;
				n.timer_lock[i] = SCHEDULER;
				explore_yield(e, &n, "scheduler takes a timer", true);
			}
		if (s->lease != 0 && s->lease_lock == NOBODY && s->losses > 0)
			for (int how = 2; how <= 3; how++)
			{
				n = *s;
				n.losses--;
				n.scheduler_at = (uint8_t) how;
				n.lease_lock = SCHEDULER;
				explore_yield(e, &n, how == 2 ? "scheduler takes a lost lease" : "scheduler takes a silent lease", true);
			}
		return;
	}
	n = *s;
	if (s->scheduler_at == 1)
	{
		uint8_t		timer = s->timer[s->scheduler_row];

		n.timer[s->scheduler_row] = 0;
		if (s->live == 1)
			add_ready(&n, KIND(timer) == RETRY ? ROW(STEP, 0) : timer);
	}
	else
	{
		n.lease = n.token = 0;
		if (s->scheduler_at == 3)
		{
			add_to(n.inbox, MESSAGES, ROW(FAILURE, s->lease));
			add_ready(&n, ROW(DELIVER, 0));
		}
		else if (mutation != LEASE_LOST_FOR_GOOD)
		{
			n.task = s->lease;
			n.task_row = ++n.rows_given;
		}
	}
	n.scheduler_at = n.scheduler_row = 0;
	release(&n, SCHEDULER);
	explore_yield(e, &n, "scheduler commits", true);

	n = *s;
	n.scheduler_at = n.scheduler_row = 0;
	release(&n, SCHEDULER);
	explore_yield(e, &n, "scheduler dies", false);
}

/*
 * Workers outside the database
 */

static void
worker_completes(Exploration *e, const State *s, int w, bool fails)
{
	State		n = *s;
	Worker	   *worker = &n.worker[w];
	uint8_t		number = mutation == NO_FENCING ? s->lease : worker->number;

	if (s->live != 1 || KIND(s->wait) != TASK || REFERENCE(s->wait) != worker->number)
		n.wrong = STALE_TOKEN;
	if (!fails && number > 0)
		n.effects[number - 1]++;
	add_to(n.inbox, MESSAGES, ROW(fails ? FAILURE : TASK, number));
	add_ready(&n, ROW(DELIVER, 0));
	if (mutation != LEASE_KEPT)
		n.lease = n.token = 0;
	worker->at = 0;
	release(&n, WORKER_1 + w);
	/* The answer may be lost on the way: then it will try again with the same token. */
	explore_yield(e, &n, fails ? "worker fails the task, hears nothing" : "worker completes, hears nothing", false);
	worker->token = worker->number = 0;
	explore_yield(e, &n, fails ? "worker fails the task" : "worker completes", true);
}

static void
next_of_worker(Exploration *e, const State *s, int w)
{
	const Worker *worker = &s->worker[w];
	uint8_t		me = (uint8_t) (WORKER_1 + w);
	bool		mine = s->lease != 0 && (mutation == NO_FENCING || s->token == worker->token);
	State		n = *s;

	if (worker->at == 0 && worker->token == 0)
	{
		if (s->task == 0 || s->task_lock != NOBODY)
			return;
		n.worker[w].at = 1;
		n.task_lock = me;
		explore_yield(e, &n, "worker takes the task", true);
		return;
	}
	if (worker->at == 1)
	{
		n.worker[w] = (Worker) {
			.token = ++n.tokens_given, .number = s->task
		};
		n.lease = s->task;
		n.token = n.worker[w].token;
		n.task = n.task_row = 0;
		release(&n, me);
		explore_yield(e, &n, "worker has the lease", true);
	}
	else if (worker->at == 2)
	{
		if (mutation == WORKER_LOCKS_RUN)
		{
			if (s->run_lock != NOBODY)
				return;
			n.run_lock = me;
			worker_completes(e, &n, w, false);
			return;
		}
		worker_completes(e, s, w, false);
		worker_completes(e, s, w, true);
	}
	else if (!mine)
	{
		n.worker[w] = (Worker) {0};
		explore_yield(e, &n, "worker is told that its token is stale", true);
		return;
	}
	else
	{
		if (s->lease_lock == NOBODY)
		{
			n.worker[w].at = 2;
			n.lease_lock = me;
			explore_yield(e, &n, "worker locks its lease", true);
		}
		n = *s;
		n.worker[w] = (Worker) {0};
		explore_yield(e, &n, "worker dies", false);
		return;
	}
	n = *s;
	n.worker[w].at = 0;
	release(&n, me);
	explore_yield(e, &n, "worker's session dies", false);
}

static void
next_of_sender(Exploration *e, const State *s)
{
	State		n = *s;

	if (s->sender_at == 0 && s->signals > 0 && s->live == 1)
	{
		n.sender_at = mutation == SIGNAL_WITHOUT_ROW && KIND(s->wait) != SIGNAL ? 2 : 1;
		n.signals--;
		explore_yield(e, &n, "sender writes a signal", true);
	}
	if (s->sender_at == 0)
		return;
	add_to(n.inbox, MESSAGES, ROW(SIGNAL, 0));
	if (s->sender_at == 1)
		add_ready(&n, ROW(DELIVER, 0));
	n.sender_at = 0;
	explore_yield(e, &n, "sender commits", true);
	n = *s;
	n.sender_at = 0;
	explore_yield(e, &n, "sender's session dies", false);
}

/* What the sweep finds of runs that have ended. */
static void
next_of_repair(Exploration *e, const State *s)
{
	State		n = *s;

	if (s->live == 1)
		return;
	memset(n.ready, 0, sizeof(n.ready));
	memset(n.inbox, 0, sizeof(n.inbox));
	if (s->task_lock == NOBODY)
		n.task = n.task_row = 0;
	if (s->lease_lock == NOBODY)
		n.lease = n.token = 0;
	if (memcmp(&n, s, sizeof(n)) != 0)
		explore_yield(e, &n, "the sweep clears what is left", true);
}

/*
 * The model
 */

static void
start(void *state)
{
	State	   *s = state;

	memset(s, 0, sizeof(*s));
	s->live = 1;
	s->entry = 1;
	s->ready[0] = ROW(STEP, 0);
	s->losses = (uint8_t) scenario->losses;
	s->signals = (uint8_t) scenario->signals;
	s->cancels = (uint8_t) scenario->cancels;
}

static void
next(Exploration *e, const void *state)
{
	const State *s = state;

	for (int i = 0; i < scenario->executors; i++)
		next_of_claimant(e, s, EXECUTOR_1 + i);
	next_of_claimant(e, s, OPERATOR);
	next_of_scheduler(e, s);
	for (int i = 0; i < scenario->workers; i++)
		next_of_worker(e, s, i);
	next_of_sender(e, s);
	next_of_repair(e, s);
}

static bool
final(const void *state)
{
	const State *s = state;
	int			rows = 0;

	for (int i = 0; i < READY_ROWS; i++)
		rows += s->ready[i] != 0;
	for (int i = 0; i < TIMER_ROWS; i++)
		rows += s->timer[i] != 0;
	for (int i = 0; i < MESSAGES; i++)
		rows += s->inbox[i] != 0;
	return s->live != 1 && rows == 0 && s->wait == 0 && s->task == 0 && s->lease == 0;
}

static const char *
wrong(const void *state)
{
	const State *s = state;
	int			tokens = s->wait != 0;
	int			delivers = 0;
	int			messages = 0;
	bool		more;

	if (s->wrong != 0)
		return wrongs[s->wrong - 1];
	for (int i = 0; i < 4; i++)
		if (s->effects[i] > 1)
			return "an effect happened twice";
	if (s->live != 1)
		return NULL;
	for (int i = 0; i < READY_ROWS; i++)
	{
		tokens += KIND(s->ready[i]) == STEP;
		delivers += KIND(s->ready[i]) == DELIVER;
	}
	for (int i = 0; i < TIMER_ROWS; i++)
		tokens += KIND(s->timer[i]) == RETRY;
	if (tokens != 1)
		return tokens == 0 ? "a live run owns nothing that makes it go on" : "a live run goes on twice";
	if (matching_message(s, &more) >= 0 && delivers == 0)
		return "a message is there that nobody will look for";
	if (KIND(s->wait) == TASK)
	{
		for (int i = 0; i < MESSAGES; i++)
			messages += (KIND(s->inbox[i]) == TASK || KIND(s->inbox[i]) == FAILURE) && REFERENCE(s->inbox[i]) == REFERENCE(s->wait);
		messages += s->task == REFERENCE(s->wait);
		messages += s->lease == REFERENCE(s->wait);
		if (messages != 1)
			return messages == 0 ? "a task is lost" : "a task is there twice";
	}
	return NULL;
}

static void
show(const void *state, char *text, size_t size)
{
	static const char *const kinds[] = {"-", "step", "deliver", "timeout", "retry", "task", "signal", "failure"};
	const State *s = state;
	int			used = snprintf(text, size, "live %d state %d attempt %d wait %s%d task %d lease %d/%d run locked by %d; ready",
								s->live, s->entry, s->attempt, kinds[KIND(s->wait)], REFERENCE(s->wait), s->task, s->lease,
								s->token, s->run_lock);

	for (int i = 0; i < READY_ROWS; i++)
		if (s->ready[i] != 0)
			used += snprintf(text + used, size - (size_t) used, " %s%d", kinds[KIND(s->ready[i])], REFERENCE(s->ready[i]));
	used += snprintf(text + used, size - (size_t) used, "; timers");
	for (int i = 0; i < TIMER_ROWS; i++)
		if (s->timer[i] != 0)
			used += snprintf(text + used, size - (size_t) used, " %s%d", kinds[KIND(s->timer[i])], REFERENCE(s->timer[i]));
	used += snprintf(text + used, size - (size_t) used, "; inbox");
	for (int i = 0; i < MESSAGES; i++)
		if (s->inbox[i] != 0)
			used += snprintf(text + used, size - (size_t) used, " %s%d", kinds[KIND(s->inbox[i])], REFERENCE(s->inbox[i]));
}

/* Explores as the mutation is; true if all is well. */
static bool
holds(const Scenario *what, ExploreResult *result, bool trace)
{
	Model		model = {
		.size = sizeof(State), .start = start, .next = next, .wrong = wrong, .final = final, .show = show,
		.max_states = getenv("MODEL_LARGE") != NULL ? 25000000 : 1500000
	};

	scenario = what;
	*result = explore(&model, trace);
	return result->wrong == NULL;
}

static void
check_correct(const Scenario *what, int count)
{
	ExploreResult result;

	for (int i = 0; i < count; i++)
	{
		if (!check(holds(&what[i], &result, true), "%s: nothing twice, nothing lost, nothing stuck", what[i].name))
			printf("# %s\n", result.wrong);
		check(result.complete, "all of its %u states were visited", result.states);
	}
}

int
main(void)
{
	ExploreResult result;
	bool		found;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mutation = CORRECT;
	check_correct(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
	if (getenv("MODEL_LARGE") != NULL)
		check_correct(large_scenarios, sizeof(large_scenarios) / sizeof(large_scenarios[0]));
	for (size_t i = 0; i < sizeof(mutations) / sizeof(mutations[0]); i++)
	{
		mutation = mutations[i].mutation;
		found = false;
		for (size_t j = 0; j < sizeof(scenarios) / sizeof(scenarios[0]) && !found; j++)
			found = !holds(&scenarios[j], &result, getenv("MODEL_TRACES") != NULL);
		check(found, "found after %u states: an engine that %s (%s)", result.states, mutations[i].name,
			  found ? result.wrong : "not found");
	}
	return check_done();
}
