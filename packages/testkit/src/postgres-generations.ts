import type pg from 'pg';

const GENERATION_TRANSACTIONS = 16_384;

/** Lets a generation of transactions pass, so that days of the attempt log that nobody writes to are left alone. */
export async function passGeneration(client: pg.ClientBase | pg.Pool): Promise<void> {
  await client.query(`
    do $$ begin
      for n in 1..${String(GENERATION_TRANSACTIONS)} loop
        perform pg_current_xact_id();
        commit;
      end loop;
    end $$`);
}
