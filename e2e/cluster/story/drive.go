package story

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tierwall.dev/fn/e2e/cluster/truth"
)

const (
	// commandLimit bounds every command: none may hang.
	commandLimit = 60 * time.Second
	// execLimit bounds a command in a pod, whose own time-out is shorter.
	execLimit = 20 * time.Second
)

// run runs a command with the cluster's kubeconfig and returns its standard output.
func (w *World) run(ctx context.Context, input []byte, program string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+w.Kubeconfig, "HOME="+w.Dir)
	command.Stdin = bytes.NewReader(input)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(arguments, " "), err, out.String(), problems.String())
	}
	return out.String(), nil
}

// kubectl runs the real kubectl.
func (w *World) kubectl(ctx context.Context, arguments ...string) (string, error) {
	return w.run(ctx, nil, w.Kubectl, arguments...)
}

// exec runs a command in a pod of the workload (deploy/NAME, sts/NAME), as the documentation of a policy set has it.
func (w *World) exec(ctx context.Context, namespace, workload string, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, execLimit)
	defer cancel()
	return w.kubectl(ctx, append([]string{"exec", "--namespace", namespace, workload, "--"}, command...)...)
}

// mapOf returns what tierwall says of a folder's environment.
func (w *World) mapOf(ctx context.Context, folder, environment string) (truth.Map, error) {
	out, err := w.run(ctx, nil, w.Tierwall, "map", folder, "--environment", environment, "--output", "json")
	if err != nil {
		return truth.Map{}, err
	}
	return truth.ReadMap([]byte(out), environment)
}

// mapOfCluster returns what tierwall says of what the cluster holds.
func (w *World) mapOfCluster(ctx context.Context) (truth.Map, error) {
	live, err := w.kubectl(ctx, "get", "deploy,sts,ds,pods,svc,ns,netpol", "--all-namespaces", "--output", "yaml")
	if err != nil {
		return truth.Map{}, err
	}
	out, err := w.run(ctx, []byte(live), w.Tierwall, "map", "-", "--output", "json")
	if err != nil {
		return truth.Map{}, err
	}
	return truth.ReadMap([]byte(out), "")
}
