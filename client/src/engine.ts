/** The core: its objects over the session and the running device. Composition alone. */
import { DeviceCalls } from "./account/calls.ts";
import { RegistrationCalls } from "./account/registering.ts";
import type { ConnectedCore } from "./core.ts";
import { opening } from "./remote.ts";
import { TrainingCalls } from "./training/calls.ts";
import type { HandedKeys } from "./vault/vault.ts";
import { ConsultationCalls } from "./calls/talking/consultation-calls.ts";
import { ConversationCalls } from "./calls/conversation-calls.ts";
import type { Device } from "./calls/device.ts";
import { fetched } from "./calls/fetched.ts";
import { GuardCalls } from "./calls/talking/guard-calls.ts";
import { LiveCalls } from "./calls/talking/live-calls.ts";
import { MemberCalls } from "./calls/member-calls.ts";
import { AttachmentCalls, MessageCalls } from "./calls/message-calls.ts";
import { OrderCalls } from "./calls/order-calls.ts";
import { PeopleCalls } from "./calls/people-calls.ts";
import { PushCalls } from "./calls/push-calls.ts";
import { writable, type DeviceAccess } from "./calls/reach.ts";
import { Session } from "./calls/session.ts";
import type { SessionOptions } from "./calls/session-options.ts";
import { ForwardingCalls } from "./calls/talking/forwarding-calls.ts";
import { UnitOrderCalls } from "./calls/unit-order-calls.ts";

export interface Engine extends ConnectedCore {
  onKeys: (keys: HandedKeys | null) => void;
  close(): Promise<void>;
  /** The parts beneath, for what runs beside the core (bot/). */
  readonly reach: DeviceAccess;
}

export function createEngine(options: SessionOptions): Engine {
  const session = new Session(options);
  const { reach, context, services, subscribe, close } = session;
  const { api, vault } = context;
  const { people } = reach;
  const messages = new MessageCalls(reach);
  const devices = new DeviceCalls({ context, services, people });
  const overseeing = fetched("oversee", async ({ context, orders, watching, attachments }) => {
    const { OverseeCalls } = await import("./overseeing/calls.ts");
    const { department } = reach;
    return new OverseeCalls({
      ...{ context, people, orders, department, watching },
      shown: (pointer, { conversationId, orderId: messageId }) =>
        attachments.view(pointer, { conversationId, messageId, passing: true }),
    });
  });
  const search = fetched("search", async (device) => {
    const { SearchCalls } = await import("./search/calls.ts");
    const { context, book, views } = device;
    return new SearchCalls({ context, book, people, views, index: await device.index() });
  });
  const exports = fetched("export", async (device) => {
    const { ExportCalls } = await import("./exporting/calls.ts");
    const { context, attachments, outgoing, outbox } = device;
    return new ExportCalls({
      ...{ context, attachments, outgoing, outbox, subscribe, department: reach.department },
      writable: (conversationId) => writable(reach, device.find(conversationId)),
    });
  });
  const oneself = fetched("oneself", async () => {
    const { OneselfCalls } = await import("./calls/oneself/oneself-calls.ts");
    return new OneselfCalls(reach);
  });
  const joining = fetched("joining", async (device) => {
    const { JoiningCalls } = await import("./calls/joining-calls.ts");
    return new JoiningCalls(reach, device);
  });
  const admin = fetched("console", async () => {
    const { AdminCalls } = await import("./admin/calls.ts");
    return new AdminCalls({ api, vault, services, people });
  });
  /** An object whose calls wait for the running device, and reject where there is none. */
  const running = <T extends object>(made: (device: Device) => T | Promise<T>) =>
    opening(async () => made(await reach.device()));
  return {
    set onKeys(listener: (keys: HandedKeys | null) => void) {
      session.toldKeys.onKeys = listener;
    },
    reach,
    subscribe,
    close,

    app: opening(() => session),
    registration: opening(() => new RegistrationCalls(api)),
    conduct: opening(() => session.start().then(() => services.conduct)),
    devices: running(() => devices),
    people: running(() => new PeopleCalls(reach)),
    posts: running(() => reach.posts),
    conversations: opening(() => new ConversationCalls(reach)),
    members: opening(() => new MemberCalls(reach)),
    joining: running(joining),
    messages: opening(() => messages),
    oneself: running(oneself),
    search: running(search),
    attachments: running((device) => new AttachmentCalls(device)),
    exports: running(exports),
    forwarding: opening(() => new ForwardingCalls(reach)),
    consultation: opening(() => new ConsultationCalls(reach)),
    live: opening(() => new LiveCalls(reach, messages)),
    guard: running((device) => new GuardCalls(reach.guard, device)),
    orders: running((device) => new OrderCalls(device)),
    unitOrders: opening(() => new UnitOrderCalls(reach)),
    pushes: running(() => new PushCalls(api)),
    overseeing: running(overseeing),
    reports: running(session.reporting.calls),
    training: running(() => new TrainingCalls(reach.training, api)),
    admin: running(admin),
  };
}
