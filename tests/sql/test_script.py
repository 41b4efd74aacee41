# ruff: noqa: E501 (a script and its tree read best on a line each)
"""The splitter: scripts of seven dialects as block trees, nothing lost, nothing raised, linear time."""

from __future__ import annotations

import dataclasses
import gc
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import Token

from ingest.sql.script import for_parser, split
from ingest.sql.script.nodes import (
    Assign,
    Block,
    Branch,
    Call,
    Declare,
    Execute,
    Fetch,
    Leaf,
    Loop,
    Node,
    Open,
    Return,
    Routine,
    Tokens,
    Transaction,
    Unsplit,
)
from ingest.sql.script.tokens import BATCH, stream


def text(tokens: Tokens) -> str:
    return " ".join(token.text for token in tokens)


def many(nodes: tuple[Node, ...]) -> str:
    return "; ".join(shape(node) for node in nodes)


def shape(node: Node) -> str:
    """A node in short: what a test says of a tree."""
    match node:
        case Leaf():
            return text(node.tokens)
        case Declare():
            return "declare " + ", ".join(
                variable.name
                + "".join(
                    f" {mark} {text(part)}"
                    for mark, part in (
                        ("is", variable.type),
                        ("=", variable.default),
                        ("for", variable.query),
                        ("text", variable.text),
                    )
                    if part
                )
                for variable in node.variables
            )
        case Assign():
            value = "text " + text(node.text) if node.text else text(node.value)
            return f"{','.join(node.targets)} {node.operator}:= {value}"
        case Open():
            return f"open {node.cursor} for [{text(node.query)}|{text(node.text)}]" + using(node.using)
        case Fetch():
            return f"fetch {node.cursor} -> {','.join(node.into)}"
        case Execute():
            into = f" -> {','.join(node.into)}" if node.into else ""
            insert = f"{text(node.insert)} <- " if node.insert else ""
            return f"{insert}execute [{text(node.text)}]{into}{using(node.using)}"
        case Call():
            into = f" -> {','.join(node.into)}" if node.into else ""
            insert = f"{text(node.insert)} <- " if node.insert else ""
            return f"{insert}call {'.'.join(node.name)}({' | '.join(map(text, node.arguments))}){into}"
        case Return():
            kind = "query " if node.query else ""
            return f"return {kind}[{text(node.value)}|{text(node.text)}]"
        case Transaction():
            return f"<{node.action}{' ' + node.savepoint if node.savepoint else ''}>"
        case Branch():
            return "if " + " ".join(f"({text(arm.condition)}) {{{many(arm.body)}}}" for arm in node.arms)
        case Loop():
            head = ",".join(node.variables) or "loop"
            source = node.cursor or text(node.query or node.text or node.condition)
            return f"{head} in [{source}]{using(node.using)} {{{many(node.body)}}}"
        case Block():
            return f"{{{many(node.body)}}}" + "".join(f" catch {{{many(each)}}}" for each in node.handlers)
        case Routine():
            parameters = ", ".join(parameter.name for parameter in node.parameters)
            on = f" on {'.'.join(node.table)}" if node.table else ""
            language = "" if node.language == "sql" else f" in {node.language}"
            returns = f" returns {node.returns_variable}({','.join(node.returns)})" if node.returns else ""
            return f"{node.kind.lower()} {'.'.join(node.name)}({parameters}){on}{language}{returns} {shape(node.body)}"
        case Unsplit():
            return f"?{node.reason}@{node.place[0]}:{node.place[1]}"


def using(parts: tuple[Tokens, ...]) -> str:
    return f" using {' | '.join(map(text, parts))}" if parts else ""


CASES: list[tuple[str, str, str]] = [
    # T-SQL: where one statement ends and the next begins
    ("tsql", "SELECT 1 SELECT 2", "SELECT 1; SELECT 2"),
    ("tsql", "SELECT a FROM t UNION ALL SELECT b FROM u SELECT 3", "SELECT a FROM t UNION ALL SELECT b FROM u; SELECT 3"),
    ("tsql", "INSERT INTO t (a) SELECT 1 UPDATE t SET a = 2", "INSERT INTO t ( a ) SELECT 1; UPDATE t SET a = 2"),
    ("tsql", "INSERT t VALUES (1), (2) SELECT 1", "INSERT t VALUES ( 1 ) , ( 2 ); SELECT 1"),
    ("tsql", "INSERT t DEFAULT VALUES SELECT 1", "INSERT t DEFAULT VALUES; SELECT 1"),
    (
        "tsql",
        "WITH c AS (SELECT 1 a), d (x) AS (SELECT 2) INSERT INTO t SELECT * FROM c SELECT 5",
        "WITH c AS ( SELECT 1 a ) , d ( x ) AS ( SELECT 2 ) INSERT INTO t SELECT * FROM c; SELECT 5",
    ),
    (
        "tsql",
        "WITH c AS (SELECT 1 a) UPDATE c SET a = 2 SET @x = 1",
        "WITH c AS ( SELECT 1 a ) UPDATE c SET a = 2; @x := 1",
    ),
    (
        "tsql",
        "UPDATE t SET a = 1 OUTPUT inserted.a INTO @o (a) FROM t JOIN s ON t.i = s.i SELECT 1",
        "UPDATE t SET a = 1 OUTPUT inserted . a INTO @ o ( a ) FROM t JOIN s ON t . i = s . i; SELECT 1",
    ),
    (
        "tsql",
        "MERGE t USING s ON t.i = s.i WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT (a) VALUES (1)"
        " WHEN NOT MATCHED BY SOURCE THEN DELETE OUTPUT inserted.a INTO #l DELETE FROM u",
        "MERGE t USING s ON t . i = s . i WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT ( a )"
        " VALUES ( 1 ) WHEN NOT MATCHED BY SOURCE THEN DELETE OUTPUT inserted . a INTO # l; DELETE FROM u",
    ),
    (
        "tsql",
        "CREATE VIEW v WITH SCHEMABINDING AS WITH c AS (SELECT 1 a) SELECT * FROM c\nGO\nSELECT 1",
        "CREATE VIEW v WITH SCHEMABINDING AS WITH c AS ( SELECT 1 a ) SELECT * FROM c; SELECT 1",
    ),
    (
        "tsql",
        "GRANT SELECT, INSERT, UPDATE ON t TO u REVOKE DELETE ON t FROM u SELECT 1",
        "GRANT SELECT , INSERT , UPDATE ON t TO u; REVOKE DELETE ON t FROM u; SELECT 1",
    ),
    (
        "tsql",
        "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b (a) ON DELETE SET NULL ON UPDATE CASCADE"
        " ALTER TABLE t DROP COLUMN x ALTER TABLE t ALTER COLUMN y int DROP TABLE IF EXISTS #z",
        "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY ( a ) REFERENCES b ( a ) ON DELETE SET NULL ON UPDATE CASCADE;"
        " ALTER TABLE t DROP COLUMN x; ALTER TABLE t ALTER COLUMN y int; DROP TABLE IF EXISTS # z",
    ),
    (
        "tsql",
        "SELECT a FROM t ORDER BY a OFFSET 1 ROWS FETCH NEXT 5 ROWS ONLY SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END x",
        "SELECT a FROM t ORDER BY a OFFSET 1 ROWS FETCH NEXT 5 ROWS ONLY; SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END x",
    ),
    ("tsql", "SELECT TOP 1 WITH TIES a FROM t WITH (NOLOCK) SELECT 2", "SELECT TOP 1 WITH TIES a FROM t WITH ( NOLOCK ); SELECT 2"),
    ("tsql", "USE d\nGO\nSELECT 1 go\ngo 5\nPRINT 'x'", "USE d; SELECT 1 go; PRINT x"),
    ("tsql", "SELECT a.[set], b.[select] INTO #t FROM a, b EXEC p", "SELECT a . set , b . select INTO # t FROM a , b; call p()"),
    ("tsql", "TRUNCATE TABLE t BULK INSERT t FROM 'f' THROW", "TRUNCATE TABLE t; BULK INSERT t FROM f; THROW"),
    ("tsql", "a: SELECT 1\nb: SELECT 2\nGOTO a", "a :; SELECT 1; b :; SELECT 2; GOTO a"),
    # T-SQL: variables, calls, control
    (
        "tsql",
        "DECLARE @a int = (SELECT max(i) FROM t), @b varchar(9), @t TABLE (a int) SET @a += 1 SET NOCOUNT ON",
        "declare @a is int = ( SELECT max ( i ) FROM t ), @b is varchar ( 9 ), @t is TABLE ( a int ); @a +:= 1;"
        " SET NOCOUNT ON",
    ),
    (
        "tsql",
        "DECLARE c CURSOR LOCAL FOR SELECT a FROM t FOR UPDATE OF a OPEN c FETCH NEXT FROM c INTO @a, @b CLOSE c",
        "declare c for SELECT a FROM t FOR UPDATE OF a; open c for [|]; fetch c -> @a,@b; CLOSE c",
    ),
    ("tsql", "SET @c = CURSOR FOR SELECT 1", "@c := CURSOR FOR SELECT 1"),
    (
        "tsql",
        "EXEC(@a + 'x') EXEC sp_executesql @stmt = @s, N'@p int', @p = 1 EXEC @r = dbo.p @x = 1, @y = 2 OUTPUT",
        "execute [@ a + x]; execute [@ s] using @p int | @ p = 1; call dbo.p(@ x = 1 | @ y = 2 OUTPUT)",
    ),
    ("tsql", "INSERT INTO t (a) EXEC p 1 INSERT t EXEC (@s)", "INSERT INTO t ( a ) <- call p(1); INSERT t <- execute [@ s]"),
    (
        "tsql",
        "IF EXISTS (SELECT 1) SELECT 1 ELSE IF @a = 1 BEGIN SELECT 2 END ELSE SELECT 3 SELECT 4",
        "if (EXISTS ( SELECT 1 )) {SELECT 1} (@ a = 1) {{SELECT 2}} () {SELECT 3}; SELECT 4",
    ),
    ("tsql", "WHILE @@FETCH_STATUS = 0 BEGIN BREAK END SELECT 1", "loop in [@ @ FETCH_STATUS = 0] {{BREAK}}; SELECT 1"),
    ("tsql", "IF UPDATE(a) SELECT 1", "if (UPDATE ( a )) {SELECT 1}"),
    (
        "tsql",
        "BEGIN TRY BEGIN TRAN x UPDATE t SET a = 1 COMMIT TRAN END TRY BEGIN CATCH ROLLBACK THROW; END CATCH SELECT 1",
        "{<BEGIN x>; UPDATE t SET a = 1; <COMMIT>} catch {<ROLLBACK>; THROW}; SELECT 1",
    ),
    # T-SQL: modules
    (
        "tsql",
        "CREATE PROC dbo.p @a int = 1, @b t READONLY AS SELECT 1 SELECT 2\nGO\nSELECT 3",
        "procedure dbo.p(@a, @b) {SELECT 1; SELECT 2}; SELECT 3",
    ),
    ("tsql", "CREATE PROC p AS BEGIN SELECT 1 END\nEXEC p", "procedure p() {SELECT 1}; call p()"),
    ("tsql", "CREATE OR ALTER PROC p (@a int) AS SELECT 1\nCREATE PROC q AS SELECT 2", "procedure p(@a) {SELECT 1}; procedure q() {SELECT 2}"),
    (
        "tsql",
        "CREATE TRIGGER g ON dbo.t INSTEAD OF INSERT, UPDATE AS INSERT INTO l SELECT * FROM inserted",
        "trigger g() on dbo.t {INSERT INTO l SELECT * FROM inserted}",
    ),
    ("tsql", "CREATE FUNCTION f(@a int) RETURNS TABLE AS RETURN (SELECT a FROM t)", "function f(@a) {return query [SELECT a FROM t|]}"),
    ("tsql", "CREATE FUNCTION f() RETURNS TABLE AS RETURN SELECT a FROM t", "function f() {return query [SELECT a FROM t|]}"),
    (
        "tsql",
        "CREATE FUNCTION f() RETURNS @r TABLE (a int, b int) AS BEGIN INSERT @r SELECT 1, 2 RETURN END",
        "function f() returns @r(a,b) {INSERT @ r SELECT 1 , 2; return [|]}",
    ),
    ("fabric", "SELECT 1 SELECT 2", "SELECT 1; SELECT 2"),
    # PL/SQL
    (
        "oracle",
        "CREATE OR REPLACE PROCEDURE p (a IN NUMBER DEFAULT 1, b OUT VARCHAR2) IS v t.a%TYPE := 1; BEGIN"
        " SELECT a INTO v FROM t; EXCEPTION WHEN no_data_found OR x THEN NULL; WHEN OTHERS THEN RAISE; END p;\n/\n"
        "SELECT 1 FROM dual;",
        "procedure p(a, b) {declare v is t . a % TYPE = 1; SELECT a INTO v FROM t} catch {NULL} catch {RAISE};"
        " SELECT 1 FROM dual",
    ),
    (
        "oracle",
        "DECLARE CURSOR c (x NUMBER) IS SELECT a FROM t; r c%ROWTYPE; BEGIN OPEN c(1); FETCH c INTO r; CLOSE c; END;",
        "block () {declare c for SELECT a FROM t; declare r is c % ROWTYPE; open c for [|] using 1; fetch c -> r; CLOSE c}",
    ),
    (
        "oracle",
        "BEGIN FOR r IN (SELECT a FROM t) LOOP INSERT INTO u VALUES (r.a); END LOOP; FOR i IN 1..9 LOOP NULL; END LOOP;"
        " FOR r IN c(2) LOOP NULL; END LOOP; END;",
        "block () {r in [SELECT a FROM t] {INSERT INTO u VALUES ( r . a )}; i in [1. . 9] {NULL}; r in [c] using 2 {NULL}}",
    ),
    (
        "oracle",
        "BEGIN FETCH c BULK COLLECT INTO l LIMIT 100; FORALL i IN 1..l.COUNT SAVE EXCEPTIONS INSERT INTO t VALUES (l(i)); END;",
        "block () {fetch c -> l; i in [1. . l . COUNT] {INSERT INTO t VALUES ( l ( i ) )}}",
    ),
    (
        "oracle",
        "BEGIN EXECUTE IMMEDIATE 'select ' || a INTO b, c USING d, IN e; OPEN r FOR 'select 1' USING x; OPEN r FOR SELECT 1 FROM d; END;",
        "block () {execute [select  || a] -> b,c using d | IN e; open r for [|select 1] using x; open r for [SELECT 1 FROM d|]}",
    ),
    (
        "oracle",
        "BEGIN IF a = 1 THEN p; ELSIF a = 2 THEN k.p(a, b => 1); ELSE r.f := 1; END IF; END;",
        "block () {if (a = 1) {call p()} (a = 2) {call k.p(a | b => 1)} () {r.f := 1}}",
    ),
    (
        "oracle",
        "BEGIN CASE v WHEN 1 THEN NULL; ELSE v := CASE WHEN a THEN 1 ELSE 2 END; END CASE; END;",
        "block () {if (v = 1) {NULL} () {v := CASE WHEN a THEN 1 ELSE 2 END}}",
    ),
    ("oracle", "BEGIN <<l>> WHILE a < 1 LOOP EXIT l; END LOOP l; END;", "block () {loop in [a < 1] {EXIT l}}"),
    (
        "oracle",
        "CREATE PACKAGE BODY k AS g NUMBER := 1; TYPE t IS TABLE OF x; PROCEDURE p IS PROCEDURE q IS BEGIN NULL; END;"
        " BEGIN q; END p; FUNCTION f RETURN NUMBER IS BEGIN RETURN 1; END; BEGIN g := 2; END k;",
        "package k() {declare g is NUMBER = 1; TYPE t IS TABLE OF x; procedure k.p() {procedure q() {NULL}; call q()};"
        " function k.f() {return [1|]}; g := 2}",
    ),
    (
        "oracle",
        "CREATE TRIGGER g BEFORE INSERT OR UPDATE OF a ON s.t FOR EACH ROW WHEN (new.a > 1) BEGIN :new.a := 1; END;",
        "trigger g() on s.t {new.a := 1}",
    ),
    (
        "oracle",
        "SET SERVEROUTPUT ON\nPROMPT Don't stop\nINSERT INTO a SELECT 1/2 FROM b;\nEXEC p(1)",
        "SET SERVEROUTPUT ON; PROMPT Don 't stop; INSERT INTO a SELECT 1 / 2 FROM b; call p(1)",
    ),
    ("oracle", "BEGIN DBMS_SQL.PARSE(c, 'select 1', 1); SAVEPOINT s; ROLLBACK TO s; END;", "block () {execute [select 1]; <SAVEPOINT s>; <ROLLBACK s>}"),
    # PL/pgSQL and Postgres
    (
        "postgres",
        "CREATE FUNCTION s.f(a int, OUT b text) RETURNS TABLE (x int, y text) LANGUAGE plpgsql AS $b$"
        " <<o>> DECLARE v int := 0; c CURSOR (k int) FOR SELECT 1; BEGIN RETURN QUERY SELECT 1, 'a'; END o; $b$; SELECT 1",
        "function s.f(a, b) in plpgsql returns (x,y) {declare v is int = 0; declare c for SELECT 1;"
        " return query [SELECT 1 , a|]}; SELECT 1",
    ),
    (
        "postgres",
        "DO $$ BEGIN FOR r IN SELECT a FROM t LOOP v = r.a; END LOOP; FOR r IN EXECUTE q USING 1 LOOP NULL; END LOOP;"
        " FOREACH x IN ARRAY y LOOP NULL; END LOOP; END $$",
        "block () in plpgsql {r in [SELECT a FROM t] {v := r . a}; r in [q] using 1 {NULL}; x in [y] {NULL}}",
    ),
    (
        "postgres",
        "DO 'BEGIN PERFORM f(1); PERFORM a FROM t; EXECUTE format(''x %I'', v) INTO STRICT w USING 1; END'",
        "block () in plpgsql {call f(1); SELECT a FROM t; execute [format ( x %I , v )] -> w using 1}",
    ),
    (
        "postgres",
        "DO $$ BEGIN OPEN c FOR EXECUTE q USING 1; OPEN c FOR SELECT 1; FETCH NEXT FROM c INTO a; GET DIAGNOSTICS n = ROW_COUNT;"
        " RETURN NEXT r; RETURN QUERY EXECUTE q; END $$",
        "block () in plpgsql {open c for [|q] using 1; open c for [SELECT 1|]; fetch c -> a; GET DIAGNOSTICS n = ROW_COUNT;"
        " return [r|]; return query [|q]}",
    ),
    ("postgres", "BEGIN; INSERT INTO a SELECT 1; SAVEPOINT x; ROLLBACK TO SAVEPOINT x; END;", "<BEGIN>; INSERT INTO a SELECT 1; <SAVEPOINT x>; <ROLLBACK x>; <COMMIT>"),
    ("postgres", "CREATE FUNCTION f() RETURNS int AS 'SELECT ''a''; SELECT 2' LANGUAGE sql", "function f() {SELECT a; SELECT 2}"),
    ("postgres", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC INSERT INTO t SELECT 1; SELECT 2; END; SELECT 3", "function f() {INSERT INTO t SELECT 1; SELECT 2}; SELECT 3"),
    ("postgres", "CREATE FUNCTION f() RETURNS int AS $$ import x $$ LANGUAGE plpython3u", "function f() in plpython3u {}"),
    ("postgres", "CREATE TRIGGER g AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f(1)", "trigger g() on t {call f(1)}"),
    ("postgres", "DECLARE c CURSOR FOR SELECT 1; PREPARE p (int) AS INSERT INTO a SELECT $1; EXECUTE p(1)", "declare c for SELECT 1; procedure p() {INSERT INTO a SELECT $ 1}; call p(1)"),
    ("postgres", "COPY t FROM stdin;\n1\tit's\n\\.\nSELECT 1;\n\\echo it's\nSELECT 2", "COPY t FROM stdin; ?rows of COPY FROM STDIN@2:1; SELECT 1; \\ echo it 's; SELECT 2"),
    ("postgres", "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN BEGIN a := 1; EXCEPTION WHEN others THEN NULL; END; COMMIT; END $$", "procedure p() in plpgsql {{a := 1} catch {NULL}; <COMMIT>}"),
    # Snowflake Scripting
    (
        "snowflake",
        "CREATE PROCEDURE d.p(a VARCHAR) RETURNS TABLE (x int) LANGUAGE SQL EXECUTE AS CALLER AS $$ DECLARE"
        " res RESULTSET DEFAULT (SELECT 1); c CURSOR FOR SELECT id FROM t; x INT DEFAULT 0; BEGIN RETURN TABLE(res); END $$",
        "procedure d.p(a) returns (x) {declare res is RESULTSET for SELECT 1; declare c for SELECT id FROM t;"
        " declare x is INT = 0; return [res|]}",
    ),
    (
        "snowflake",
        "BEGIN LET y INT := 1; LET z := 2; LET c CURSOR FOR SELECT 1; res := (EXECUTE IMMEDIATE :q); res := (SELECT 1); END;",
        "block () {declare y is INT = 1; z := 2; declare c for SELECT 1; res := text : q; res := ( SELECT 1 )}",
    ),
    (
        "snowflake",
        "BEGIN FOR r IN c DO INSERT INTO a VALUES (r.id); END FOR; WHILE (x < 1) DO x := 2; END WHILE; REPEAT x := 1; UNTIL (x > 1) END REPEAT; END;",
        "block () {r in [c] {INSERT INTO a VALUES ( r . id )}; loop in [( x < 1 )] {x := 2}; loop in [( x > 1 )] {x := 1}}",
    ),
    (
        "snowflake",
        "BEGIN IF (x = 1) THEN RETURN 'a'; ELSEIF (x = 2) THEN NULL; ELSE NULL; END IF; EXCEPTION WHEN OTHER THEN RETURN TABLE(SELECT 1); END;",
        "block () {if (( x = 1 )) {return [a|]} (( x = 2 )) {NULL} () {NULL}} catch {return query [SELECT 1|]}",
    ),
    ("snowflake", "EXECUTE IMMEDIATE $$ DECLARE a int; BEGIN INSERT INTO q SELECT 1; END $$", "block () {declare a is int; INSERT INTO q SELECT 1}"),
    ("snowflake", "CREATE PROCEDURE p() RETURNS STRING LANGUAGE JAVASCRIPT AS $$ var x = \"it's\"; $$; SELECT 1", "procedure p() in javascript {}; SELECT 1"),
    ("snowflake", "CREATE PROCEDURE p() RETURNS INT AS 'BEGIN SELECT ''a''; END'", "procedure p() {SELECT a}"),
    ("snowflake", "BEGIN EXECUTE IMMEDIATE 'x' || y USING (a, b); OPEN c USING (1); CALL p(:x) INTO :y; END;", "block () {execute [x || y] using a | b; open c for [|] using 1; call p(: x) -> y}"),
    ("snowflake", "CREATE TASK k WAREHOUSE = w AS INSERT INTO a SELECT * FROM b; SET v = 1; SET (a, b) = (1, 2)", "task k() {INSERT INTO a SELECT * FROM b}; v := 1; a,b := ( 1 , 2 )"),
    # BigQuery
    (
        "bigquery",
        "DECLARE a, b INT64 DEFAULT (SELECT 1); SET (a, b) = (SELECT AS STRUCT 1, 2); SET @@x = 1; SET a = 2",
        "declare a is INT64 = ( SELECT 1 ), b is INT64 = ( SELECT 1 ); a,b := ( SELECT AS STRUCT 1 , 2 ); SET @ @ x = 1; a := 2",
    ),
    ("bigquery", "BEGIN INSERT INTO t SELECT 1; EXCEPTION WHEN ERROR THEN SELECT 2; END; SELECT 3", "{INSERT INTO t SELECT 1} catch {SELECT 2}; SELECT 3"),
    ("bigquery", "FOR r IN (SELECT x FROM t) DO INSERT INTO z VALUES (r.x); END FOR; WHILE a DO SET a = b; END WHILE", "r in [SELECT x FROM t] {INSERT INTO z VALUES ( r . x )}; loop in [a] {a := b}"),
    ("bigquery", "EXECUTE IMMEDIATE CONCAT('a', b) INTO c, d USING 1 AS x, e", "execute [CONCAT ( a , b )] -> c,d using 1 AS x | e"),
    ("bigquery", "CREATE PROCEDURE my-p.d.p(IN a INT64) OPTIONS (x = 1) BEGIN SELECT 1; END; CALL `my-p.d.p`(1)", "procedure my-p.d.p(a) {SELECT 1}; call my-p.d.p(1)"),
    ("bigquery", "BEGIN TRANSACTION; COMMIT TRANSACTION; l: LOOP LEAVE l; END LOOP l; IF a THEN SELECT 1; END IF", "<BEGIN>; <COMMIT>; loop in [] {LEAVE l}; if (a) {SELECT 1}"),
    ("bigquery", "CREATE TABLE FUNCTION f(x INT64) RETURNS TABLE<a INT64> AS SELECT x FROM t", "function f(x) {return query [SELECT x FROM t|]}"),
    # MySQL
    (
        "mysql",
        "DELIMITER //\nCREATE DEFINER=`r`@`h` PROCEDURE p(IN a INT) READS SQL DATA BEGIN DECLARE x, y INT DEFAULT 0;"
        " DECLARE c CURSOR FOR SELECT 1; DECLARE CONTINUE HANDLER FOR NOT FOUND SET d = 1;"
        " DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE '23000' BEGIN ROLLBACK; END; OPEN c; END//\nDELIMITER ;\nSELECT 1",
        "procedure p(a) {declare x is INT = 0, y is INT = 0; declare c for SELECT 1; open c for [|]}"
        " catch {d := 1} catch {{<ROLLBACK>}}; SELECT 1",
    ),
    ("mysql", "DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT 1; END$$\nSELECT 2$$\nDELIMITER ;\nSELECT 3;", "procedure p() {SELECT 1}; SELECT 2; SELECT 3"),
    ("mysql", "CREATE PROCEDURE p() BEGIN l:REPEAT SET x = 1, @y := 2; UNTIL x END REPEAT l; m: LOOP LEAVE m; END LOOP; END", "procedure p() {loop in [x] {x := 1; @y := 2}; loop in [] {LEAVE m}}"),
    ("mysql", "SET @s = CONCAT('a', 'b'); PREPARE s FROM @s; EXECUTE s USING @x; DEALLOCATE PREPARE s", "@s := CONCAT ( a , b ); s := @ s; execute [s] using @ x; DEALLOCATE PREPARE s"),
    ("mysql", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1, NEW.b = NEW.c", "trigger g() on t {new.a := 1; new.b := NEW . c}"),
    ("mysql", "CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC RETURN a + 1; SET NAMES utf8; SET autocommit = 0", "function f(a) {return [a + 1|]}; SET NAMES utf8; SET autocommit = 0"),
    ("mysql", "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO INSERT INTO a SELECT 1", "event e() {INSERT INTO a SELECT 1}"),
    ("mysql", "CREATE PROCEDURE p() BEGIN SELECT a INTO x FROM t; CASE x WHEN 1 THEN SELECT 1; ELSE BEGIN END; END CASE; END", "procedure p() {SELECT a INTO x FROM t; if (x = 1) {SELECT 1} () {{}}}"),
    # Databricks
    ("databricks", "SET spark.a.b = false; SELECT 1", "SET spark . a . b = false; SELECT 1"),
    (
        "databricks",
        "BEGIN DECLARE a INT DEFAULT 0; FOR r AS SELECT * FROM t DO INSERT INTO z VALUES (r.a); END FOR; SET a = 2;"
        " EXECUTE IMMEDIATE 'x' INTO a USING b; SET VAR (a, b) = (SELECT 1, 2); END",
        "{declare a is INT = 0; r in [SELECT * FROM t] {INSERT INTO z VALUES ( r . a )}; a := 2; execute [x] -> a using b;"
        " a,b := ( SELECT 1 , 2 )}",
    ),
    ("databricks", "DECLARE OR REPLACE VARIABLE v INT = 5; SET VAR v = 1", "declare v is INT = 5; v := 1"),
    ("databricks", "CREATE FUNCTION f(x INT) RETURNS TABLE (a INT) RETURN SELECT x FROM t", "function f(x) returns (a) {return query [SELECT x FROM t|]}"),
    ("databricks", "CREATE FUNCTION f() RETURNS INT LANGUAGE PYTHON AS $$ x = 'it'; y $$; SELECT 1", "function f() in python {}; SELECT 1"),
    ("databricks", "FROM s INSERT INTO a SELECT x\nINSERT INTO b SELECT y", "FROM s INSERT INTO a SELECT x INSERT INTO b SELECT y"),
    # close relatives, and text that is cut or wrong
    ("teradata", "BT; REPLACE PROCEDURE p() BEGIN CALL DBC.SysExecSQL(:x); END; ET;", "<BEGIN>; procedure p() {execute [: x]}; <COMMIT>"),
    ("", "CREATE PROCEDURE p() BEGIN INSERT INTO a SELECT 1; END; SELECT 1", "procedure p() {INSERT INTO a SELECT 1}; SELECT 1"),
    ("", "DROP TABLE a\nCREATE TABLE a AS SELECT 1\nINSERT INTO a SELECT 2", "DROP TABLE a; CREATE TABLE a AS SELECT 1; INSERT INTO a SELECT 2"),
    ("", "", ""),
    ("", ";;  ;", ""),
    ("", "INSERT INTO a SELECT 1; SELECT 'x; SELECT 2", "INSERT INTO a SELECT 1; SELECT; ?a quotation or comment without an end@1:32"),
    ("tsql", "SELECT 1 END SELECT 2", "SELECT 1; ?END without a beginning@1:10; SELECT 2"),
    ("tsql", "BEGIN SELECT 1", "{SELECT 1}"),
    ("oracle", "BEGIN IF a THEN b;", "block () {if (a) {call b()}}"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql", "expected"), CASES)
def test_a_script_becomes_its_block_tree(dialect: str, sql: str, expected: str) -> None:
    assert many(split(sql, dialect)) == expected


def tokens_of(value: object) -> Iterator[Token]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Token):
            yield item
        elif isinstance(item, tuple):
            waiting.extend(item)
        elif dataclasses.is_dataclass(item):
            waiting.extend(getattr(item, each.name) for each in dataclasses.fields(item))


def lost(sql: str, dialect: str) -> list[str]:
    """The tokens that no node has, end marks aside."""
    kept = {(token.start, token.end) for token in tokens_of(split(sql, dialect))}
    found = stream(sql, dialect)
    return [
        token.text
        for token, word in zip(found.tokens, found.words, strict=True)
        if word not in (";", BATCH) and (token.start, token.end) not in kept
    ]


@pytest.mark.parametrize(("dialect", "sql", "expected"), CASES)
def test_no_token_is_dropped(dialect: str, sql: str, expected: str) -> None:
    assert lost(sql, dialect) == []


DIALECTS = ["", "tsql", "oracle", "postgres", "snowflake", "bigquery", "mysql", "databricks", "teradata", "redshift"]
WORDS = sorted({word for _, sql, _ in CASES for word in sql.split()})


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(DIALECTS), st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from([" ", "\n"]))
def test_words_in_any_order_are_split_and_kept(dialect: str, words: list[str], gap: str) -> None:
    assert lost(gap.join(words), dialect) == []


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(DIALECTS), st.sampled_from(CASES), st.sampled_from(CASES), st.integers(0, 400), st.integers(0, 400)
)
def test_scripts_cut_anywhere_are_split_and_kept(
    dialect: str, one: tuple[str, str, str], other: tuple[str, str, str], start: int, end: int
) -> None:
    assert lost((one[1] + "\n" + other[1])[start:end], dialect) == []


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(DIALECTS), st.text(max_size=60))
def test_any_text_is_split(dialect: str, text: str) -> None:
    split(text, dialect)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "SELECT 0;\nDO $$\nBEGIN\n  INSERT INTO here SELECT 1;\nEND $$"),
        ("postgres", "SELECT 0;\nDO '\nBEGIN\n  x := ''a''; INSERT INTO here SELECT ''b'';\nEND'"),
        ("snowflake", "SELECT 0;\nCREATE PROCEDURE p() RETURNS INT AS $$ BEGIN INSERT INTO here SELECT 1; END $$"),
    ],
)
def test_a_body_in_a_literal_has_the_places_of_the_script(dialect: str, sql: str) -> None:
    token = next(token for token in tokens_of(split(sql, dialect)) if token.text == "here")
    start = sql.index("here")
    assert sql[token.start : token.end + 1] == "here"
    assert token.line == sql.count("\n", 0, start) + 1
    assert token.col == start + 4 - (sql.rfind("\n", 0, start) + 1)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("tsql", "BEGIN " * 2000),
        ("tsql", "IF 1 = 1 " * 2000),
        ("oracle", "BEGIN IF a THEN " * 2000),
        ("oracle", "FOR a IN b LOOP " * 2000),
        ("snowflake", "DECLARE x INT; BEGIN " * 2000),
        ("oracle", "CREATE PROCEDURE p IS " + "PROCEDURE q IS " * 2000),
    ],
)
def test_deep_nesting_is_said_and_kept(dialect: str, sql: str) -> None:
    assert lost(sql, dialect) == []
    waiting: list[object] = [split(sql, dialect)]
    reasons = set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, Unsplit):
            reasons.add(item.reason)
        elif isinstance(item, tuple):
            waiting.extend(item)
        elif dataclasses.is_dataclass(item) and not isinstance(item, Leaf):
            waiting.extend(getattr(item, each.name) for each in dataclasses.fields(item))
    assert "nested too deeply" in reasons


def test_what_stands_after_a_deep_nest_is_still_split() -> None:
    sql = "BEGIN " * 200 + "SELECT 1 " + "END " * 200 + "INSERT INTO a SELECT 2"
    assert many(split(sql, "tsql")[-1:]) == "INSERT INTO a SELECT 2"


@pytest.mark.parametrize(
    ("dialect", "part"),
    [
        ("tsql", "INSERT INTO a (x) SELECT y FROM b WHERE z = 1\nIF @x = 1 SET @y = 2\nDECLARE @q int = 1, @r int\n"),
        ("oracle", "BEGIN FOR r IN (SELECT 1 FROM b) LOOP INSERT INTO a VALUES (r.x); END LOOP; END;\n/\n"),
        ("postgres", "DO $$ BEGIN INSERT INTO a SELECT 'x'; END $$;\n"),
        ("mysql", "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END//\nDELIMITER ;\n"),
        ("", "SELECT a FROM t\n(("),
    ],
)
def test_time_grows_with_the_script(dialect: str, part: str) -> None:
    def seconds(times: int) -> float:
        gc.collect()
        gc.disable()  # else it counts what other tests left behind, again and again
        began = time.process_time()
        split(part * times, dialect)
        taken = time.process_time() - began
        gc.enable()
        return taken

    seconds(100)
    small = max(seconds(500), 0.01)
    assert min(seconds(4000), seconds(4000)) < 8 * 5 * small  # where every pair of parts costs, it is 8 * 8


def test_a_command_is_one_string_for_the_parser() -> None:
    (leaf,) = split("SHOW TABLES LIKE 'x'", "hive")
    assert isinstance(leaf, Leaf)
    parsed = Dialect.get_or_raise("hive").parser().parse(for_parser(leaf.tokens, "hive"), "")
    assert len(parsed) == 1
