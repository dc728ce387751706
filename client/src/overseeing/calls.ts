/** The calls of seam/overseeing.ts. Their code, that of files too, is fetched with the first of them. */
import { failure, type CoreFailure } from "../failure.ts";
import type { DeviceContext } from "../context.ts";
import type { MessageId, PersonId, UnitId } from "../ids.ts";
import type { Orders } from "../orders/orders.ts";
import type { PeopleDirectory } from "../people/people.ts";
import type {
  AnswersPage,
  CountedAcknowledgement,
  ExportFormat,
  ExportWords,
  OrderExport,
  OrderProgressView,
  OrderTotalView,
  OverseenPage,
  OverseenQuery,
  ToldOutcome,
} from "../seam/overseeing.ts";
import { SingleRun, throttled } from "../single-run.ts";
import type { PassingDepartment } from "../trust/passing.ts";
import type { Order, OrderCurve, OrderPerson } from "../wire.ts";
import { answerOf, readAnswers, type AnswersOptions } from "./answers.ts";
import { readCounts, readProgress } from "./counts.ts";
import { exported } from "./exporting.ts";
import { gather } from "./gathering.ts";
import { tellInPerson } from "./telling.ts";
import type { VerifiedRecord } from "./verifying.ts";
import type { Watching } from "./watching.ts";

export interface OverseeOptions {
  readonly context: Pick<
    DeviceContext,
    "api" | "emit" | "identity" | "now" | "ownKeys" | "time" | "vault"
  >;
  readonly orders: Pick<Orders, "find">;
  readonly people: Pick<PeopleDirectory, "directory" | "met" | "plate" | "prefetch">;
  readonly department: () => PassingDepartment;
  readonly watching: Watching;
  /** A file that somebody looks at, and that is not kept here. */
  readonly shown: AnswersOptions["shown"];
}

export class OverseeCalls {
  readonly #options: OverseeOptions;
  readonly #exports = new SingleRun();

  constructor(options: OverseeOptions) {
    this.#options = options;
  }

  /** Send `order_counts` events of an order, until another is watched; null: of none. */
  watch(orderId: MessageId | null, unitId: UnitId | null): Promise<void> {
    this.#options.watching.watch(orderId, unitId);
    return Promise.resolve();
  }

  async progress(orderId: MessageId, unitId: UnitId | null): Promise<OrderProgressView> {
    const progress = readProgress(
      await this.#options.context.api.orderProgress(orderId, { unit: unitId }),
    );
    if (progress === null) throw malformed();
    return progress;
  }

  /** Counts of orders that this person issued together; those of which nothing is known are left out. */
  async totals(orderIds: readonly MessageId[]): Promise<readonly OrderTotalView[]> {
    const { totals } = await this.#options.context.api.orderTotals({ orderIds: [...orderIds] });
    return totals.map(({ orderId, items, total }) => {
      const counts = readCounts(total, items);
      if (counts === null || !orderIds.includes(orderId)) throw malformed();
      return { orderId, total: counts };
    });
  }

  async people(orderId: MessageId, query: OverseenQuery): Promise<OverseenPage> {
    const { unitId, ...others } = query;
    const asked = { ...others, unit: unitId };
    const page = await this.#options.context.api.orderPeople(orderId, asked);
    const tellers = page.people.flatMap(({ acknowledgement }) => acknowledgement?.toldBy ?? []);
    await this.#options.people.prefetch([...new Set(tellers)]);
    const met = await this.#options.people.met(page.people.map(({ person }) => person));
    const people = await Promise.all(
      page.people.map(async (one) => ({
        person: met.get(one.person.personId) ?? one.person,
        state: one.state,
        acknowledgement: await this.#acknowledgement(one),
      })),
    );
    return { people, next: page.next };
  }

  async #acknowledgement({ acknowledgement }: OrderPerson): Promise<CountedAcknowledgement | null> {
    if (acknowledgement === null) return null;
    const { choice, done, photo, toldBy, firstCreatedMs } = acknowledgement;
    const plate = toldBy === null ? null : await this.#options.people.plate(toldBy);
    return { choice, done, photo, toldBy: plate, told: toldBy !== null, createdMs: firstCreatedMs };
  }

  async curve(orderId: MessageId): Promise<OrderCurve> {
    const curve = await this.#options.context.api.orderCurve(orderId);
    const right = curve.points.every(
      ([step, count]) => Number.isSafeInteger(step) && Number.isSafeInteger(count) && count >= 0,
    );
    if (!right || !(curve.stepMs > 0)) throw malformed();
    return curve;
  }

  /** The free answers, page by page, for those to whom they are sealed. */
  answers(orderId: MessageId, after: string | null): Promise<AnswersPage> {
    const { context, department, shown } = this.#options;
    const { vault, ownKeys } = context;
    const options = { api: context.api, vault, ownKeys, department, shown };
    return readAnswers(options, orderId, after);
  }

  /** Sign, for each of these people, that this person has told them. */
  tell(orderId: MessageId, personIds: readonly PersonId[]): Promise<readonly ToldOutcome[]> {
    const { api, identity, time } = this.#options.context;
    return tellInPerson({ api, identity, time }, orderId, personIds);
  }

  /**
   * Make a file; `order_export` events say how far it is. One at a time. Rejects with `order_differs`
   * where the server states another order than its issuer signed.
   */
  exportOrder(
    orderId: MessageId,
    format: ExportFormat,
    words: ExportWords,
    unitId: UnitId | null,
  ): Promise<OrderExport> {
    const { context, people, department } = this.#options;
    const onProgress = throttled(context.now, (done, total) => {
      context.emit({ type: "order_export", orderId, done, total });
    });
    return this.#exports.run(async (signal) => {
      const directory = await people.directory();
      const known = await this.#options.orders.find(orderId);
      const options = {
        ...{ api: context.api, department, directory, onProgress, signal },
        signed: known?.facts ?? null,
        open: (order: Order, record: VerifiedRecord) => answerOf(context, order, record),
      };
      const gathered = await gather(options, orderId, unitId);
      const { units } = directory;
      return exported(gathered, format, { words, units, madeMs: context.now(), signal });
    });
  }

  cancelExport(): Promise<void> {
    this.#exports.cancel();
    return Promise.resolve();
  }
}

function malformed(): CoreFailure {
  return failure("network", { retry: true, details: { reason: "answer_malformed" } });
}
