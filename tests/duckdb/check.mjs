// Runs the queries that `segmint explain --sql` writes in DuckDB, on the input of a run, and compares what they say of
// every customer with what the run says; for a run without an id, how many customers each cluster has. One argument: a
// JSON file with the cases,
//
//     [{ name, input, assignments, id, exact, ties, rules: [{ name, sql, expected }] }, ..]
//
// where `exact` and `sql` are files with a query, and `expected` is a CSV of (row, cluster): the leaf of every row of the
// input, by the tree itself. `ties` is "few", or "many" for a run without logarithms whose near ties must agree too. Prints a line per query, then the number of complaints.
import { readFileSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";

const database = await DuckDBInstance.create(":memory:");
const connection = await database.connect();
const text = (value) => `'${value.replaceAll("'", "''")}'`;
const name = (value) => `"${value.replaceAll('"', '""')}"`;
const rows = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
const query = (file) => readFileSync(file, "utf8").replace(/;\s*$/, "");

let complaints = 0;
const complain = (line) => {
  complaints += 1;
  console.log(`WRONG ${line}`);
};

async function exact({ name: of, assignments, id, exact: file, ties }) {
  await connection.run(`CREATE OR REPLACE TABLE scored AS ${query(file)}`);
  await connection.run(`CREATE OR REPLACE VIEW assigned AS SELECT * FROM read_parquet(${text(assignments)})`);
  const key = name(id);
  const [told] = await rows(`
    SELECT count(*) AS rows,
      count(*) FILTER (WHERE scored.${key} IS NULL OR assigned.${key} IS NULL) AS alone,
      count(*) FILTER (WHERE near_tie) AS near_ties,
      count(*) FILTER (WHERE near_tie IS NULL) AS undecided,
      count(*) FILTER (WHERE NOT near_tie AND scored.cluster IS DISTINCT FROM assigned.cluster) AS others,
      count(*) FILTER (WHERE near_tie AND scored.cluster IS DISTINCT FROM assigned.cluster) AS ties_differ,
      count(*) FILTER (WHERE NOT near_tie AND scored.persona IS DISTINCT FROM assigned.persona::VARCHAR) AS names_differ,
      count(*) FILTER (WHERE scored.distance IS DISTINCT FROM assigned.distance) AS distances_differ,
      max(abs(scored.distance - assigned.distance) / greatest(assigned.distance, 1e-3)) AS distance_error,
      max(abs(scored.margin - assigned.margin)) FILTER (WHERE NOT near_tie) AS margin_error
    FROM scored FULL JOIN assigned ON scored.${key} = assigned.${key}`);
  console.log(
    `${of}, exact: ${told.rows} customers, ${told.near_ties} near ties of which ${told.ties_differ} differ, ` +
      `${told.others} others differ; ${told.distances_differ} distances differ, by ${told.distance_error} at most`,
  );
  for (const what of ["alone", "undecided", "others", "names_differ"]) {
    if (Number(told[what]) > 0) complain(`${of}, exact: ${what}: ${told[what]}`);
  }
  const [near, differ] = [Number(told.near_ties), Number(told.ties_differ)];
  if (ties === "few" && near * 100 > Number(told.rows)) complain(`${of}, exact: every hundredth is a near tie`);
  if (ties === "many" && (near === 0 || differ > 0)) complain(`${of}, exact: ${differ} of ${near} ties are decided otherwise`);
  if (!(Number(told.distance_error) < 1e-2 && Number(told.margin_error) < 1e-2)) complain(`${of}, exact: far off`);
}

/** Without an id there is nothing to join by: as many customers of every cluster. */
async function counted({ name: of, assignments, exact: file }) {
  const sizes = (from) => rows(`SELECT cluster, persona::VARCHAR AS persona, count(*) AS n FROM ${from} GROUP BY ALL ORDER BY ALL`);
  const [scored, assigned] = [await sizes(`(${query(file)})`), await sizes(`read_parquet(${text(assignments)})`)];
  console.log(`${of}, exact: ${scored.length} clusters, without an id`);
  if (JSON.stringify(scored) !== JSON.stringify(assigned)) complain(`${of}, exact: ${JSON.stringify([scored, assigned])}`);
}

async function rules({ name: of, input, id, rules: all }) {
  for (const { name: which, sql, expected } of all) {
    await connection.run(`CREATE OR REPLACE TABLE scored AS ${query(sql)}`);
    const key = name(id);
    const [told] = await rows(`
      WITH numbered AS (SELECT ${key}, file_row_number AS row FROM read_parquet(${text(input)}, file_row_number = true)),
      expected AS (SELECT ${key}, cluster FROM numbered JOIN read_csv(${text(expected)}) USING (row))
      SELECT count(*) AS rows,
        count(*) FILTER (WHERE scored.cluster IS DISTINCT FROM expected.cluster) AS differ,
        count(DISTINCT scored.persona) = count(DISTINCT scored.cluster) AS named
      FROM scored FULL JOIN expected ON scored.${key} = expected.${key}`);
    console.log(`${of}, ${which}: ${told.rows} customers, ${told.differ} differ from the tree's own leaf`);
    if (Number(told.differ) > 0 || Number(told.rows) === 0 || !told.named) complain(`${of}, ${which}: ${JSON.stringify(told)}`);
  }
}

const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const one of cases) {
  await connection.run(`CREATE OR REPLACE VIEW customers AS SELECT * FROM read_parquet(${text(one.input)})`);
  await (one.id === null ? counted(one) : exact(one));
  await rules(one);
}
console.log(`${cases.length} runs, ${complaints} complaints`);
process.exitCode = complaints > 0 ? 1 : 0;
