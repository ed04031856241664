// Run by orm.test.ts in a process of its own, because a process reads its time zone once.
import { createOrm } from '../../src/database/repositories/orm.ts';
import { createRepositories } from '../../src/database/repositories/index.ts';
import { Task } from '../../src/entities/index.ts';

const orm = await createOrm({ url: process.argv[2] ?? '' });
const em = orm.em.fork();
const { tasks, namedTasks } = createRepositories(em);
const { namedTaskId } = await namedTasks.findOrCreate({ name: 'zoned' });
// Half past two of that night does not exist in New York.
const created = await tasks.create({
  namedTaskId,
  context: { a: 1 },
  requestedAt: '2026-03-08T02:30:00.000125Z',
});
const [stored] = await em.execute<{ text: string; age: number }[]>(
  `select requested_at::text as text, extract(epoch from now() - created_at)::int / 60 as age from tasker_tasks`,
);
const loaded = await orm.em.fork().findOneOrFail(Task, created.taskId);
const second = em.create(Task, {
  namedTaskId,
  requestedAt: loaded.requestedAt,
  identityHash: 'second',
});
await em.persist(second).flush();
const [age] = await em.execute<{ age: number }[]>(
  `select extract(epoch from now() - created_at)::int / 60 as age from tasker_tasks where identity_hash = 'second'`,
);
process.stdout.write(
  JSON.stringify({
    zone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
    requestedAt: created.requestedAt,
    stored: stored?.text,
    createdMinutesAgo: stored?.age,
    viaOrm: loaded.requestedAt,
    ormMinutesAgo: age?.age,
  }),
);
await orm.close();
