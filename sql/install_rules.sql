--
-- Promise: a superuser's CREATE EXTENSION opens nothing.  What test/check_sql.pl
-- reads in the script, this asks of the catalogs: each query lists what breaks
-- a rule, and lists nothing.
--

CREATE VIEW pg_temp.member AS
SELECT d.classid, d.objid
FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'dalp' AND d.deptype = 'e';

-- There is something to look at.
SELECT count(*) > 0 AS functions FROM pg_temp.member WHERE classid = 'pg_proc'::regclass;
SELECT count(*) > 0 AS relations FROM pg_temp.member WHERE classid = 'pg_class'::regclass;

-- Everything in our schemas belongs to the extension.
SELECT p.oid::regprocedure AS stranger
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE (n.nspname = 'dalp' OR n.nspname LIKE 'dalp\_%')
	AND NOT EXISTS (SELECT FROM pg_temp.member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
ORDER BY p.oid::regprocedure::text;
SELECT c.oid::regclass AS stranger
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname = 'dalp' OR n.nspname LIKE 'dalp\_%') AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
	AND NOT EXISTS (SELECT FROM pg_temp.member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
	AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
	-- Partitions that the scheduler makes are ordinary tables: pg_dump takes them as such.
	AND NOT c.oid IN (SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = 'dalp_workflow.journal'::regclass)
ORDER BY c.oid::regclass::text;

-- Only pure functions, and those that are meant to be, are for everybody.
SELECT p.oid::regprocedure AS open_function
FROM pg_proc p JOIN pg_temp.member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
WHERE p.provolatile <> 'i'
	AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
	AND p.oid NOT IN ('dalp.version()'::regprocedure, 'dalp.raise_error(text, text)'::regprocedure)
ORDER BY p.oid::regprocedure::text;

-- What runs SQL, or runs with its owner's rights, pins its search_path.
SELECT p.oid::regprocedure AS loose_search_path
FROM pg_proc p JOIN pg_temp.member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
	JOIN pg_language l ON l.oid = p.prolang
WHERE (l.lanname NOT IN ('c', 'internal') OR p.prosecdef)
	AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']
ORDER BY p.oid::regprocedure::text;

-- No relation is for everybody, and no schema to create in.
SELECT c.oid::regclass AS open_relation
FROM pg_class c JOIN pg_temp.member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid,
	aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner))) a
WHERE a.grantee = 0
ORDER BY c.oid::regclass::text;
SELECT n.nspname AS open_schema
FROM pg_namespace n JOIN pg_temp.member m ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid,
	aclexplode(n.nspacl) a
WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner
ORDER BY n.nspname;

-- Tables and their sequences are dumped with their rows; only the row that
-- says that dalp is installed is made anew by each CREATE EXTENSION.
SELECT c.oid::regclass AS not_dumped
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname LIKE 'dalp\_%' AND c.relkind IN ('r', 'p', 'S') AND c.oid <> 'dalp_ops.installation'::regclass
	AND EXISTS (SELECT FROM pg_temp.member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
	AND NOT c.oid = ANY ((SELECT coalesce(e.extconfig, '{}') FROM pg_extension e WHERE e.extname = 'dalp')::oid[])
ORDER BY c.oid::regclass::text;

-- The public schema has no tables: only functions, types and views.
SELECT c.oid::regclass AS public_table
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'dalp' AND c.relkind NOT IN ('v', 'c')
ORDER BY c.oid::regclass::text;

-- Everything is explained.
SELECT p.oid::regprocedure AS function_without_comment
FROM pg_proc p JOIN pg_temp.member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
WHERE obj_description(p.oid, 'pg_proc') IS NULL
ORDER BY p.oid::regprocedure::text;
SELECT c.oid::regclass AS relation_without_comment
FROM pg_class c JOIN pg_temp.member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition AND obj_description(c.oid, 'pg_class') IS NULL
ORDER BY c.oid::regclass::text;
SELECT c.oid::regclass AS relation, a.attname AS column_without_comment
FROM pg_class c JOIN pg_temp.member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
	JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL
ORDER BY c.oid::regclass::text, a.attnum;
