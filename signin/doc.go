// Package signin gets, keeps and renews the right to speak for a user.
//
// Begin and Attempt.Redeem sign in through a browser: at Adobe IMS for V4, at Frame.io's own OAuth for V2, both with PKCE. Server is V4's
// server-to-server sign-in, and a Grant made by hand holds a pasted token. A Grant is what came of it.
//
// Profiles keeps grants under names: what is not secret in a file, the secrets in the system's keyring or in that file.
// A Source is a remote.TokenSource for one of them: it renews before the end, and notices when another process has done so, or when
// the user has signed in again.
//
// # Renewing
//
// A refresh token is good once (spec: frameio-v4.md §1.4; inferred for V2, frameio-v2.md §1.3), so a new one that is lost cannot be asked for
// again. Renewing therefore goes like this, with an exclusive lock on the profile all the while, so that of several processes one
// renews and the others take over what it got:
//
//  1. read the profile again: somebody may have renewed it, or died between steps 4 and 5
//  2. make room for the answer: a file beside the profile's, padded and synced, or an item in the keyring
//  3. ask
//  4. write the answer into that room, durably
//  5. rename it over the profile, durably; only from here on the new access token is used
//
// Who dies after step 4 has lost nothing: step 1 of the next one finishes. Who dies between Frame.io's answer and the end of step 4, some
// milliseconds, or never gets the answer, has only the old refresh token. Asking with it again is tried; if it is spent then the
// access token is used up to its end, and after that the user has to sign in again. So renewing begins early: when a quarter of
// the life, at most an hour, is left. Signing in from server to server has no refresh tokens and nothing to lose.
package signin
