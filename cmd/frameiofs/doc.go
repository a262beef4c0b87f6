// Frameiofs mounts Frame.io as a disk.
//
//	frameiofs demo                        a simulated Frame.io, mounted: nothing else is needed
//	frameiofs mount    [flags] MOUNTPOINT mount; stays in the foreground, or --daemon
//	frameiofs unmount  [--now] [--timeout D] MOUNTPOINT
//	                                      finish the uploads and let go; --now keeps them for the next mount
//	frameiofs status   [--watch] [--json] [MOUNTPOINT|FILE|FOLDER]
//	frameiofs sync     [--until uploaded|verified|transcoded] [--timeout D] [PATH…]
//	frameiofs uploads pause | resume | first | retry | cancel [PATH…]
//	frameiofs uploads limit [--bwlimit RATE] [--uploads N] [--parts N] [MOUNTPOINT…]
//	frameiofs desktop  install | uninstall | open PATH… | link [--copy] PATH…
//	frameiofs cache    status [--json] | pin [--wait] | unpin | warm [--json] | clear [PATH…]
//	frameiofs ls       [-l] [--json] [PATH]
//	frameiofs receipts [--json] [--mhl] [--since D] [PATH…]
//	frameiofs login    [--profile NAME] [--client-id ID] [--method browser|server|token] | --list
//	frameiofs logout   [--profile NAME]
//	frameiofs whoami   [--profile NAME] [--json]
//	frameiofs doctor   [--json] [--bundle FILE] [MOUNTPOINT]
//	frameiofs config   init | show [--json] | path
//	frameiofs service  install | uninstall MOUNTPOINT | status
//	frameiofs profile  [--for D] [--json] [MOUNTPOINT]
//	frameiofs completion bash|zsh|fish
//	frameiofs man      [--all DIR] [VERB] manual pages
//	frameiofs sim      [flags]            the simulated Frame.io on its own
//
// Every verb has --help with examples. Flags may stand before or after the other words.
//
// # Exit codes
//
//	0  done
//	1  failed
//	2  the command line or the settings file is wrong; nothing was done
//	3  done as far as possible, but some files were given up (parked), or are held or paused, and need a person
//	4  --timeout passed first; status FILE: Frame.io does not have it yet
//
// What went wrong is one line on stderr, "frameiofs: …", and a second one if something can be done about it.
//
// # Settings
//
// A flag counts before the environment, and that before the settings file, $XDG_CONFIG_HOME/frameiofs/config.toml (usually
// ~/.config/frameiofs/config.toml). The file's keys are the names of mount's flags:
//
//	token-file = "/home/ann/.frameio-token"
//	cache-size = "100G"
//
//	FRAMEIO_PROFILE     like --profile
//	FRAMEIO_TOKEN       the token; it is never taken from the command line, where every user of the machine could read it
//	FRAMEIO_TOKEN_FILE  like --token-file
//	FRAMEIO_API_URL     like --api-url
//	FRAMEIO_API         like --api
//	FRAMEIO_STATE_DIR   like --state-dir
//
// # Whose token
//
// A flag counts before the environment, and that before the settings file: --token-file or --profile (both at once are refused), then
// FRAMEIO_TOKEN_FILE, FRAMEIO_TOKEN or FRAMEIO_PROFILE (the last beside one of the others is refused), then token-file or profile of
// the settings, then the profile "default" of "login". A profile's token goes to no other address than the one it was made for.
// login keeps its options with the profile, so that signing in again needs none. FRAMEIO_CLIENT_ID is like --client-id, FRAMEIO_AUTH_URL like
// --auth-url. docs/sign-in.md tells the rest.
//
// # The cache
//
// What is read stays on this disk until its room is needed: --cache-size, or less if the disk must have --keep-free for others.
// "cache pin" keeps files and folders here, with what others put into them later: a change that the mount hears of is followed within
// a second, anything else within five minutes. At most nine tenths of the cache can be pinned. What is pinned is remembered in the
// state folder by what it is, not by its path: it stays pinned if it is renamed. "cache warm" fetches once, and ends with its caller.
// "cache clear" leaves what is open, pinned, or not on Frame.io yet. --json prints package control's CacheStatus and Holding.
//
// # Where things are
//
// Each combination of address, API, user and root has a state folder, $XDG_STATE_HOME/frameiofs/<hash> (usually
// ~/.local/state/frameiofs/<hash>), and a cache folder, $XDG_CACHE_HOME/frameiofs/<hash>; --state-dir puts both under one
// roof. The state folder holds what was written and is not yet on Frame.io: it is the only copy. The cache folder may be
// deleted while it is not mounted.
//
// What was mounted before is mounted again at once, with what is known from then; Frame.io is asked meanwhile whether the token is
// accepted and still the same user's, and whether the root is there. Until it has said so nothing is changed on it, and if it says
// otherwise status tells.
//
// # In fstab, and as a service
//
// Called as mount.frameiofs, as mount(8) does for a line of /etc/fstab, it takes what to mount (frameio, frameio:PATH, or what --root
// takes), where, and mount's flags as options, and ends with mount(8)'s exit codes when the mount can be used:
//
//	frameio:/Acme/Films  /mnt/films  frameiofs  _netdev,nofail,token_file=/etc/frameio-token,allow_other  0 0
//
// "service install" writes a unit of systemd for your user. It tells systemd when it can be used, how it stands, and that it lives
// (Type=notify, STATUS=, WatchdogSec=).
//
// # Signals
//
// The first SIGINT unmounts and finishes the uploads, a second one keeps them for the next mount. SIGTERM and SIGHUP do the
// same, but the uploads have a minute. If the kernel takes the mount down by another's hand (umount, fusermount3 -u) the
// process ends at once and keeps what is pending. kill -9 loses nothing that close(2) has returned for.
//
// # Limitations
//
//   - Linux; macOS builds but is not tried.
//   - Files that are open for writing are not waited for by unmount and sync.
//   - inotify does not tell of changes made elsewhere.
//   - A mount in the background does not come back by itself after a restart of the machine, but one of "service install" or of
//     /etc/fstab does; it goes on where it was.
//   - Other people's changes are seen within half a minute in folders that someone looks at, elsewhere at the second look.
package main
