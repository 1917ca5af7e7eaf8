//go:build cluster

package story

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// What docs/verification.md has a user ask the cluster: with the script that tierwall writes, and with the page's own
// commands, as they stand.
const (
	asksAsProved    = "prod: the script of tierwall map -o shell finds all as proved"
	probesAsShown   = "prod: the probes of docs/verification.md print what the page shows"
	asksUnprotected = "prod: without policies the script says what is open"
)

// ask runs the script on the cluster. The error is for another exit code than want.
func (s *suite) ask(ctx context.Context, want int) (string, error) {
	script, err := s.World.run(ctx, nil, s.Tierwall, "map", s.folder, "--environment", prod.Name, "--output", "shell")
	if err != nil {
		return "", err
	}
	// The payment provider's host refuses what it does not serve, which the script takes for closed: it is left out.
	out, err := s.shell(ctx, script, "HOST_INTERNET="+internetIPv4, "ELSEWHERE="+stranger)
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		return "", err
	}
	if code != want {
		return "", fmt.Errorf("exit code %d, want %d:\n%s", code, want, out)
	}
	return out, nil
}

// shell runs a script with the cluster's kubectl on its PATH.
func (s *suite) shell(ctx context.Context, script string, environment ...string) (string, error) {
	bin := filepath.Join(s.Dir, "documented")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	if err := os.Symlink(s.Kubectl, filepath.Join(bin, "kubectl")); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	command := exec.CommandContext(ctx, "bash", "-s")
	command.Env = append(append(os.Environ(), environment...), "PATH="+bin+":"+os.Getenv("PATH"), "KUBECONFIG="+s.Kubeconfig, "HOME="+s.Dir)
	command.Stdin = strings.NewReader(script)
	out, err := command.CombinedOutput()
	return string(out), err
}

func (s *suite) asksAsProved(ctx context.Context) (string, error) {
	return twiceAsked(func() (string, error) {
		out, err := s.ask(ctx, 0)
		if err != nil {
			return "", err
		}
		for _, line := range []string{"frontend -> backend:8080 open", "frontend -> database:5432 closed", "backend -> database:5432 open",
			"database -> internet:443 closed", "prometheus -> database:9090 open", "prometheus -> database:5432 closed", "elsewhere -> backend:8080 closed"} {
			if !strings.Contains(out, "  as proved  "+line+"\n") {
				return "", fmt.Errorf("%q is not among the answers:\n%s", line, out)
			}
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		return lines[len(lines)-1], nil
	})
}

// twiceAsked asks once more where the answer is not the expected one: on a busy machine a connection may take longer than
// the script waits. What the policies deny or let through is so the second time, too.
func twiceAsked(ask func() (string, error)) (string, error) {
	if detail, err := ask(); err == nil {
		return detail, nil
	}
	detail, err := ask()
	return detail + ", asked twice", err
}

// foundClosed is an answer of the script's by which a connection does not get through.
var foundClosed = regexp.MustCompile(`(?m)^  (as proved .* closed|WRONG .* is closed, .*)$`)

// asksUnprotected asks a cluster without policies.
func (s *suite) asksUnprotected(ctx context.Context) (string, error) {
	return twiceAsked(func() (string, error) {
		out, err := s.ask(ctx, 1)
		if err != nil {
			return "", err
		}
		if !strings.Contains(out, "  WRONG      frontend -> database:5432 is open, and was proved closed\n") {
			return "", fmt.Errorf("the database is open, and the script does not say so:\n%s", out)
		}
		if foundClosed.MatchString(out) {
			return "", fmt.Errorf("nothing is closed, and the script says that something is:\n%s", out)
		}
		return fmt.Sprintf("%d wrong", strings.Count(out, "  WRONG ")), nil
	})
}

var (
	functions  = regexp.MustCompile("(?s)```sh\n(# address NAMESPACE.*?)```")
	probeShown = regexp.MustCompile(`(?m)^\$ (probe app-production .*)\n(open|closed)$`)
)

// noAnswer is what the page's function prints when the container did not run. A kubelet never starts an ephemeral
// container again that did not start, so that a user would ask anew.
const noAnswer = "no answer: "

// probesAsShown runs the page's probes but those from Prometheus' pods, whose labels are the reader's to give: the script
// asks from there.
func (s *suite) probesAsShown(ctx context.Context) (string, error) {
	page, err := os.ReadFile(filepath.Join(filepath.Dir(s.folder), "docs", "verification.md"))
	if err != nil {
		return "", err
	}
	defined, probes := functions.FindSubmatch(page), probeShown.FindAllSubmatch(page, -1)
	if defined == nil || len(probes) < 5 {
		return "", fmt.Errorf("docs/verification.md has the functions: %t, and %d probes", defined != nil, len(probes))
	}
	problems := make([]error, len(probes))
	var wait sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, p := range probes {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			command := strings.ReplaceAll(string(p[1]), "1.1.1.1", internetIPv4)
			script := string(defined[1]) + command + "\n"
			out, err := s.shell(ctx, script)
			if err == nil && strings.HasPrefix(out, noAnswer) {
				out, err = s.shell(ctx, script)
			}
			if err != nil || strings.TrimSpace(out) != string(p[2]) {
				problems[i] = fmt.Errorf("%s: the page shows %s; got %q, %v", command, p[2], out, err)
			}
		})
	}
	wait.Wait()
	return fmt.Sprintf("%d probes", len(probes)), errors.Join(problems...)
}
