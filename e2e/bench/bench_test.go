//go:build bench

// Package bench measures the whole binary beside the least that a function on kyaml's framework can do. It imports
// nothing of tierwall: a child process counts the memory of the one that started it as its own, so this one stays small.
package bench

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var sizes = flag.String("sizes", "10,100,1000,10000", "the numbers of workloads to measure, separated by commas")

// What the whole binary may cost, from gatedSize workloads on: the share of the CPU time that a no-op on kyaml's
// framework takes for the same input, with a slack for the noise of a shared machine, and its peak memory.
const (
	gatedSize       = 1000
	maxCPUShare     = 0.25
	cpuSlack        = 1.3
	maxMemoryFactor = 6
	baseMemory      = 20e6
)

// TestBench runs the binary beside the no-op, in turn, and prints the medians: of what each took, and of the ratios
// between the two runs of a pair, which hold whatever else the machine does.
func TestBench(t *testing.T) {
	dir := t.TempDir()
	tierwall := buildCommand(t, dir, "tierwall", "../../fn")
	noop := buildCommand(t, dir, "noop", "./noop")
	fmt.Printf("%-6s %6s %8s | %9s %9s %6s | %9s %9s %6s | %8s %8s %7s\n", "mode", "N", "input",
		"CPU", "no-op", "ratio", "wall", "no-op", "ratio", "memory", "no-op", "x input")
	for _, size := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 {
			t.Fatalf("-sizes: %q is no number of workloads", size)
		}
		for _, mode := range modes {
			input := filepath.Join(dir, "input.yaml")
			b := pairs{input: mode.writeInput(t, input, n)}
			for range pairsFor(n) {
				b.tierwall = append(b.tierwall, runCommand(t, tierwall, input))
				b.noop = append(b.noop, runCommand(t, noop, input))
			}
			b.print(mode, n)
			if n >= gatedSize {
				b.gate(t, mode, n)
			}
		}
	}
}

// pairsFor is how many pairs of runs a median needs: the shorter they are, the more the noise weighs.
func pairsFor(n int) int {
	switch {
	case n < 1000:
		return 15
	case n < 10_000:
		return 5
	}
	return 3
}

func buildCommand(t *testing.T, dir, name, pkg string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// cost is what one run took; memory is its peak, in bytes.
type cost struct {
	cpu, wall time.Duration
	memory    int64
}

// runCommand runs a command from the input file to a file, which must come out at least half as long.
func runCommand(t *testing.T, command, input string) cost {
	t.Helper()
	in, err := os.Open(input)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(input + ".out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var said strings.Builder
	cmd := exec.Command(command)
	// Without its type the file is passed through a pipe, as the orchestrators do.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = struct{ io.Reader }{in}, out, &said
	start := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%.1000s", filepath.Base(command), err, said.String())
	}
	c := cost{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	// Linux counts in kibibytes.
	c.memory = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024
	read, errIn := in.Stat()
	written, errOut := out.Stat()
	if errIn != nil || errOut != nil || written.Size() < read.Size()/2 {
		t.Fatalf("%s wrote less than half of its input, or that cannot be told: %v %v", filepath.Base(command), errIn, errOut)
	}
	return c
}

// pairs are the runs for one input, of the given size in bytes.
type pairs struct {
	input          int64
	tierwall, noop []cost
}

func cpuOf(c cost) float64    { return c.cpu.Seconds() }
func wallOf(c cost) float64   { return c.wall.Seconds() }
func memoryOf(c cost) float64 { return float64(c.memory) }

// ratio is the median of the ratios of the pairs.
func (b pairs) ratio(of func(cost) float64) float64 {
	ratios := make([]float64, len(b.tierwall))
	for i := range ratios {
		ratios[i] = of(b.tierwall[i]) / of(b.noop[i])
	}
	return median(ratios)
}

func medianOf(costs []cost, of func(cost) float64) float64 {
	values := make([]float64, len(costs))
	for i, c := range costs {
		values[i] = of(c)
	}
	return median(values)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func (b pairs) print(mode mode, n int) {
	ms := func(costs []cost, of func(cost) float64) float64 { return 1e3 * medianOf(costs, of) }
	mb := func(costs []cost) float64 { return medianOf(costs, memoryOf) / 1e6 }
	fmt.Printf("%-6s %6d %5.2f MB | %6.0f ms %6.0f ms %6.3f | %6.0f ms %6.0f ms %6.3f | %5.0f MB %5.0f MB %7.1f\n",
		mode.name, n, float64(b.input)/1e6,
		ms(b.tierwall, cpuOf), ms(b.noop, cpuOf), b.ratio(cpuOf),
		ms(b.tierwall, wallOf), ms(b.noop, wallOf), b.ratio(wallOf),
		mb(b.tierwall), mb(b.noop), medianOf(b.tierwall, memoryOf)/float64(b.input))
}

// gate fails the run where the binary costs more than it may.
func (b pairs) gate(t *testing.T, mode mode, n int) {
	t.Helper()
	if share := b.ratio(cpuOf); share > maxCPUShare*cpuSlack {
		t.Errorf("%s mode, %d workloads: %.3f of the no-op's CPU time, at most %.2f x %.1f is allowed", mode.name, n, share, maxCPUShare, cpuSlack)
	}
	if peak, most := medianOf(b.tierwall, memoryOf), maxMemoryFactor*float64(b.input)+baseMemory; peak > most {
		t.Errorf("%s mode, %d workloads: %.0f MB of memory at its peak, at most %d x input + %.0f MB = %.0f MB is allowed",
			mode.name, n, peak/1e6, maxMemoryFactor, baseMemory/1e6, most/1e6)
	}
}
