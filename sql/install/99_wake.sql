/*
 * The last words: workers start when this commits, and what processes have
 * cached of an earlier version is looked up anew.  Update scripts end with it
 * as well.
 */
SELECT dalp_ops.installed();
