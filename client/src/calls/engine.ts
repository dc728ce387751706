/** The core: the seam of core.ts over the session and the calls of each subject. Composition alone. */
import type { ConnectedCore } from "../core.ts";
import type { HandedKeys } from "../vault/vault.ts";
import { copy } from "../octets.ts";
import { ConsultationCalls } from "./consultation-calls.ts";
import { ConversationCalls } from "./conversation-calls.ts";
import { ForwardingCalls } from "./talking/forwarding-calls.ts";
import { MemberCalls } from "./member-calls.ts";
import { MessageCalls } from "./message-calls.ts";
import { OrderCalls } from "./order-calls.ts";
import { fetched } from "./fetched.ts";
import { UnitOrderCalls } from "./unit-order-calls.ts";
import { PeopleCalls } from "./people-calls.ts";
import type { Reach } from "./reach.ts";
import { Session } from "./session.ts";
import { opening } from "../remote.ts";
import { TrainingCalls } from "../training/calls.ts";
import type { SessionOptions } from "./session-options.ts";

export interface Engine extends ConnectedCore {
  onKeys: (keys: HandedKeys | null) => void;
  close(): Promise<void>;
  /** The parts beneath, for what runs beside the core (bot/). */
  readonly reach: Reach;
}

export function createEngine(options: SessionOptions): Engine {
  const session = new Session(options);
  const { reach, accountCalls: account, api } = session;
  const conversations = new ConversationCalls(reach);
  const members = new MemberCalls(reach);
  const messages = new MessageCalls(reach);
  const consultation = new ConsultationCalls(reach, messages);
  const forwarding = new ForwardingCalls(reach);
  const people = new PeopleCalls(reach);
  const orders = new OrderCalls(reach);
  const unitOrders = new UnitOrderCalls(reach, conversations);
  const training = new TrainingCalls(reach.training, api);
  const overseeing = fetched("oversee", async ({ context, orders, watching }) => {
    const { OverseeCalls } = await import("../overseeing/calls.ts");
    const { people, department } = reach;
    return new OverseeCalls({ context, people, orders, department, watching });
  });
  /** Calls that need a registered device wait until there is one. */
  const registered = async (): Promise<typeof account> => {
    await reach.device();
    return account;
  };
  const reachGuard = async (): Promise<typeof reach.guard> => {
    await reach.device();
    return reach.guard;
  };
  return {
    set onKeys(listener: (keys: HandedKeys | null) => void) {
      session.toldKeys.onKeys = listener;
    },
    close: () => session.close(),
    reach,
    subscribe: (listener) => session.subscribe(listener),

    start: () => session.start(),
    state: () => session.state(),
    requestCode: (number, language) => account.requestCode(number, language),
    submitCode: (challengeId, code) => account.submitCode(challengeId, code),
    submitEnrolmentCode: (ticket, code) => account.submitEnrolmentCode(ticket, code),
    registerWithoutText: (number, code) => account.registerWithoutText(number, code),
    checkRegistration: (ticket) => account.checkRegistration(ticket),
    registerClient: (ticket, label) => session.registerClient(ticket, label),
    conductCode: (language) => session.start().then(() => session.conduct.code(language)),
    conduct: (language) => session.start().then(() => session.conduct.view(language)),
    acceptConduct: (version, language) => session.acceptConduct(version, language),

    setPin: (pin, currentPin) => session.setPin(pin, currentPin),
    setAutoLock: (ms) => session.setAutoLock(ms),
    unlock: (pin) => session.unlock(pin),
    lock: () => session.lock(),
    signOut: () => session.signOut(),
    startOver: () => session.startOver(),
    clients: async () => (await registered()).clients(),
    renameClient: async (clientId, label) => (await registered()).renameClient(clientId, label),

    directory: () => people.directory(),
    people: (query) => people.search(query),
    person: (personId) => people.person(personId),
    chain: (unitId) => people.chain(unitId),
    unitPosts: (unitId) => people.unitPosts(unitId),
    posts: (query) => people.posts(query),
    post: (postId) => people.post(postId),
    block: (personId, on) => people.block(personId, on),
    blocked: () => people.blocked(),

    unconfirmed: async () => (await registered()).unconfirmed(),
    beginConfirmation: async (device) => (await registered()).beginConfirmation(device),
    confirmations: async () => (await registered()).confirmations(),
    answerConfirmation: async (id) => (await registered()).answerConfirmation(id),
    confirmDigits: async (id, digits) => (await registered()).confirmDigits(id, digits),
    cancelConfirmation: async (id) => (await registered()).cancelConfirmation(id),
    grants: async (personId) => (await registered()).grants(personId),
    grant: async (personId, path, days) => (await registered()).grant(personId, path, days),
    withdrawGrant: async (personId, path) => (await registered()).withdrawGrant(personId, path),
    devices: async (personId) => (await registered()).devices(personId),
    madeBy: async (device) => (await registered()).madeBy(device),
    revokeDevice: async (device, lostMs) => (await registered()).revokeDevice(device, lostMs),
    phoneLock: async (personId) => (await registered()).phoneLock(personId),
    lockPhone: async (personId) => (await registered()).lockPhone(personId),
    unlockPhone: async (personId) => (await registered()).unlockPhone(personId),
    givePresence: (number, given) => session.givePresence(number, given),
    authenticators: async () => (await registered()).authenticators(),
    addAuthenticator: async (made) => (await registered()).addAuthenticator(made),
    alarms: async () => (await registered()).alarms(),
    acknowledgeAlarm: async (id) => (await registered()).acknowledgeAlarm(id),

    conversations: () => conversations.conversations(),
    conversation: (id) => conversations.conversation(id),
    openDirect: (personId) => conversations.openDirect(personId),
    openPost: (postId) => conversations.openPost(postId),
    createGroup: (input) => conversations.createGroup(input),
    leave: (id) => conversations.leave(id),
    forget: (id) => conversations.forget(id),
    setProfile: (id, profile) => conversations.setProfile(id, profile),
    setWhoMayPost: (id, whoMayPost) => conversations.setWhoMayPost(id, whoMayPost),
    setPreferences: (id, preferences) => conversations.setPreferences(id, preferences),
    encryption: (id) => conversations.encryption(id),
    saveDraft: (id, text) => conversations.saveDraft(id, text),
    keepDraftFiles: (id, files) => conversations.keepDraftFiles(id, files),
    draftFiles: (id) => conversations.draftFiles(id),
    members: (id) => members.members(id),
    memberPage: (id, after, text) => members.memberPage(id, after, text),
    changeMembers: (id, change) => members.changeMembers(id, change),

    messages: (id, before, limit) => messages.messages(id, before, limit),
    send: (id, outgoing, replyTo, messageId, replyIn, notBeforeMs) =>
      messages.send(id, outgoing, replyTo, messageId, replyIn, notBeforeMs),
    vote: (id, messageId, choices) => consultation.vote(id, messageId, choices),
    closePoll: (id, messageId) => consultation.closePoll(id, messageId),
    guardVerdict: (id, text) => messages.guardVerdict(id, text),
    guardPictureVerdict: (id, hash) => messages.guardPictureVerdict(id, hash),
    forwardChoice: (id, messageId) => forwarding.choice(id, messageId),
    forward: (from, to, words, forwardId) => forwarding.forward(from, to, words, forwardId),
    guard: async () => (await reachGuard()).view(),
    guardClaims: async (text) => (await reachGuard()).claims(text),
    guardWasWrong: async (claimed, text) => (await reachGuard()).wasWrong(claimed, text),
    forgetGuardMistakes: async () => (await reachGuard()).forgetMistakes(),
    acceptAnswer: (id, messageId, answerId) => consultation.acceptAnswer(id, messageId, answerId),
    questions: (id) => consultation.questions(id),
    shareLive: (id, place, forMs) => consultation.shareLive(id, place, forMs),
    stopLive: (id) => consultation.stopLive(id),
    liveShares: () => consultation.liveShares(),
    moveLive: (place) => consultation.moveLive(place),
    livePlaces: (id, ask) => consultation.livePlaces(id, ask),
    quickReplies: () => consultation.quickReplies(),
    setQuickReplies: (texts) => consultation.setQuickReplies(texts),
    retry: (messageId) => messages.retry(messageId),
    cancel: (messageId) => messages.cancel(messageId),
    markRead: (id, messageId) => messages.markRead(id, messageId),
    receipts: (id, messageId) => messages.receipts(id, messageId),
    attachment: (id) => messages.attachment(id),
    attachmentRange: (id, start, end) => messages.attachmentRange(id, start, end),
    cancelDownload: (id) => messages.cancelDownload(id),
    orders: (query) => orders.orders(query),
    order: (orderId, fresh) => orders.order(orderId, fresh),
    acknowledge: (orderId, given) => orders.acknowledge(orderId, given),
    issuing: (conversationId) => orders.issuing(conversationId),
    issuableUnits: () => unitOrders.units(),
    openUnitOrders: (unitIds) => unitOrders.open(unitIds),
    issueTogether: (draft, conversationIds) => unitOrders.issue(draft, conversationIds),
    orderDrafts: () => orders.drafts(),
    orderDraft: (draftId) => orders.draft(draftId),
    keepOrderDraft: (draft) => orders.keepDraft(draft),
    dropOrderDraft: (draftId) => orders.dropDraft(draftId),
    dismissRefusal: (orderId) => orders.dismissRefusal(orderId),
    pushKey: async () => copy((await reach.device().then(() => api.pushKey())).key),
    subscribePushes: (endpoint) => reach.device().then(() => api.subscribePushes({ endpoint })),
    unsubscribePushes: () => reach.device().then(() => api.unsubscribePushes()),
    overseeing: opening(() => reach.device().then(overseeing)),
    reports: opening(() => reach.device().then(session.reporting.calls)),
    training: opening(() => reach.device().then(() => training)),
    admin: opening(() => reach.device().then(session.admin)),
    setVisible: async (id) => {
      await session.start();
      session.setVisible(id);
    },
    networkChanged: (there) => {
      session.networkChanged(there);
      return Promise.resolve();
    },
  };
}
