// Users, as others and they themselves see them, and pages of them. No code.

/** A user, as others see them. Ids are unique, names are not. */
export interface User {
  readonly id: string;
  readonly name: string;
  /** URL of a picture that the user chose: show it as any address that a stranger wrote. */
  readonly picture?: string;
}

/** The user of this client. */
export interface Me extends User {
  /** Language tag, such as `ko`; nobody else is shown it. */
  readonly locale?: string;
}

/** What a user may do in a room. */
export type Role = "owner" | "moderator" | "member" | "viewer";

/** Who may join a room. */
export type Access = "open" | "unlisted" | "invite" | "direct";

/** A page of a list. `next` continues behind it: hand it over as `after`. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
  readonly next: string;
}

/** Which part of a list: what follows `next` of the page before. */
export interface PageQuery {
  readonly after?: string;
  readonly limit?: number;
}

/** Which members: those whose name begins with `prefix`. */
export interface MembersQuery extends PageQuery {
  readonly prefix?: string;
}

/** A member of a room. */
export interface Member extends User {
  readonly role: Role;
}
