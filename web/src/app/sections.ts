/**
 * The screens that are fetched when they are first opened. Those with `rest` get the path below
 * their section and fill everything beside the rail.
 */
export const LockScreen = () => import("../screens/lock/LockScreen.svelte");
export const Unconfirmed = () => import("../screens/devices/Unconfirmed.svelte");
export const PeopleScreen = () => import("../screens/people/PeopleScreen.svelte");
export const MeScreen = () => import("../screens/me/MeScreen.svelte");
export const ChatsScreen = () => import("../screens/chats/ChatsScreen.svelte");
export const NewScreen = () => import("../screens/new/NewScreen.svelte");
