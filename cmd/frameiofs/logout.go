package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/frameiofs/frameiofs/control"
	"github.com/frameiofs/frameiofs/signin"
)

func logoutVerb() *cli.Command {
	return &cli.Command{
		Name:  "logout",
		Usage: "end a sign-in, and forget it",
		Description: `Revokes the tokens at Adobe or Frame.io and takes them out of the keyring or the file. Without a link it forgets them all the same,
and says what could not be revoked. A mount that uses the profile would stop sending, so it is refused unless --force says so.

   frameiofs logout
   frameiofs logout --profile farm --force`,
		Flags: []cli.Flag{
			profileFlag(),
			&cli.BoolFlag{Name: "force", Usage: "though something that is mounted uses it: what waits there stays on this machine until you sign in again"},
		},
		Action: logoutAction,
	}
}

// revokeTime is how long a revocation is waited for.
const revokeTime = 10 * time.Second

func logoutAction(c *cli.Context) error {
	if c.NArg() > 0 {
		return misuse("frameiofs logout --help", "logout takes no %q; --profile names the one", c.Args().First())
	}
	if err := applySettings(c); err != nil {
		return err
	}
	name := cmp.Or(c.String("profile"), signin.DefaultProfile)
	if err := signin.CheckName(name); err != nil {
		return misuse("", "--profile: %w", err)
	}
	g, err := profiles().Load(name)
	if errors.Is(err, iofs.ErrNotExist) {
		return noProfile(c.String("profile"))
	}
	unreadable := err
	if used := mountsOf(c.Context, name); len(used) > 0 && !c.Bool("force") {
		return fail("frameiofs unmount "+used[0].MountPoint+"; or --force: what waits stays on this machine until you sign in again",
			"profile %s is in use by %s", name, describe(used))
	}
	notRevoked := unreadable
	if unreadable == nil {
		ctx, cancel := context.WithTimeout(c.Context, revokeTime)
		notRevoked = signin.Revoke(ctx, g)
		cancel()
	}
	if err := profiles().Delete(c.Context, name); err != nil {
		return fail("", "%w", err)
	}
	if notRevoked == nil {
		fmt.Fprintf(c.App.Writer, "signed out of profile %s; its tokens are revoked\n", name)
		return nil
	}
	fmt.Fprintf(c.App.Writer, "signed out of profile %s; its tokens are forgotten here, but not revoked: %s\n", name, oneLine(notRevoked.Error()))
	if hint := afterlife(g, notRevoked); hint != "" {
		fmt.Fprintf(c.App.ErrWriter, "  %s\n", hint)
	}
	return nil
}

// afterlife tells what of a sign-in goes on elsewhere, and what to do.
func afterlife(g signin.Grant, err error) string {
	var e *signin.Error
	if g.Method == signin.Token && errors.As(err, &e) {
		return e.Hint
	}
	end, _ := g.RefreshExpires()
	if end.IsZero() {
		end = g.Expires
	}
	if end.IsZero() {
		return ""
	}
	return fmt.Sprintf("whoever has a copy could use them until about %s; taking back the app's access in your account ends that", end.Local().Format("2006-01-02 15:04"))
}

// mountsOf are the mounts that run and use a profile.
func mountsOf(ctx context.Context, profile string) (used []control.Status) {
	mounts, err := control.Registered(registryDir())
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, r := range mounts {
		st, err := control.Dial(r.Socket).Status(ctx, control.Query{Limit: 1})
		if err == nil && st.Profile == profile {
			used = append(used, st)
		}
	}
	return used
}

func describe(used []control.Status) string {
	var parts []string
	for _, st := range used {
		text := st.MountPoint
		if n := st.Totals.Files + st.Totals.Names; n > 0 {
			text += fmt.Sprintf(" (%s on the way)", count(n, "change"))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}
