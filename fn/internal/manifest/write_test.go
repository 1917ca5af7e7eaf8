package manifest

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree is a directory: path to content, "-> target" for a link, with the mode where it is not 0644.
type tree map[string]string

func makeTree(t *testing.T, files tree) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		content, mode := files[name], fs.FileMode(0o644)
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if rest, ok := strings.CutPrefix(content, "0600 "); ok {
			content, mode = rest, 0o600
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// readTree is what stands below root, directories that are empty included.
func readTree(t *testing.T, root string) tree {
	t.Helper()
	files := tree{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			if entries, _ := os.ReadDir(path); len(entries) == 0 && name != "." {
				files[name+"/"] = ""
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			files[name] = "-> " + target
		default:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files[name] = string(content)
			if info.Mode().Perm() == 0o600 {
				files[name] = "0600 " + files[name]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWriteFiles(t *testing.T) {
	before := tree{"base/a.yaml": "a", "base/secret.yaml": "0600 s", "gone.yaml": "g", "same.yaml": "same", "link.yaml": "-> base/a.yaml", "dir-link": "-> base", "other.yaml": "o"}
	for _, c := range []struct {
		name   string
		write  map[string]string
		remove []string
		want   tree
	}{
		{"nothing", nil, nil, tree{}},
		{"replace", map[string]string{"base/a.yaml": "A"}, nil, tree{"base/a.yaml": "A"}},
		{"keep the mode", map[string]string{"base/secret.yaml": "S"}, nil, tree{"base/secret.yaml": "0600 S"}},
		{"new directories", map[string]string{"x/y/z.yaml": "z", "x/w.yaml": ""}, nil, tree{"x/y/z.yaml": "z", "x/w.yaml": ""}},
		{"remove", nil, []string{"gone.yaml", "never.yaml"}, tree{"gone.yaml": "!"}},
		{"through a link", map[string]string{"link.yaml": "A"}, nil, tree{"base/a.yaml": "A"}},
		{"through a linked directory", map[string]string{"dir-link/a.yaml": "A"}, nil, tree{"base/a.yaml": "A"}},
		{"remove a link", nil, []string{"link.yaml"}, tree{"link.yaml": "!"}},
		{"unclean path", map[string]string{"base/../base/./a.yaml": "A"}, nil, tree{"base/a.yaml": "A"}},
		{"all at once", map[string]string{"base/a.yaml": "A", "n.yaml": "n", "same.yaml": "same"}, []string{"gone.yaml"}, tree{"base/a.yaml": "A", "n.yaml": "n", "gone.yaml": "!"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := makeTree(t, before)
			if err := WriteFiles(root, contents(c.write), c.remove); err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(before)
			for name, content := range c.want {
				want[name] = content
				if content == "!" {
					delete(want, name)
				}
			}
			if diff := cmp.Diff(want, readTree(t, root)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func contents(files map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for name, content := range files {
		out[name] = []byte(content)
	}
	return out
}

// TestWriteFilesLeavesEqualAlone: the file is the same one, not one with the same content.
func TestWriteFilesLeavesEqualAlone(t *testing.T) {
	root := makeTree(t, tree{"a.yaml": "a"})
	before, err := os.Stat(filepath.Join(root, "a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFiles(root, contents(map[string]string{"a.yaml": "a"}), nil); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(root, "a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("rewritten")
	}
}

// TestWriteFilesRefuses: one bad path and nothing is written.
func TestWriteFilesRefuses(t *testing.T) {
	outside := t.TempDir()
	before := tree{"a.yaml": "a", "dir/b.yaml": "b", "up.yaml": "-> ../up.yaml", "abs.yaml": "-> " + outside + "/x.yaml", "out": "-> " + outside, "loop.yaml": "-> loop.yaml", "link.yaml": "-> a.yaml"}
	for _, c := range []struct {
		name, path string
		remove     []string
		want       string
	}{
		{"up", "../x.yaml", nil, "write ../x.yaml: the path leads out of the directory"},
		{"up within", "dir/../../x.yaml", nil, "write dir/../../x.yaml: the path leads out of the directory"},
		{"absolute", "/x.yaml", nil, "write /x.yaml: the path leads out of the directory"},
		{"empty", "", nil, "write : the path leads out of the directory"},
		{"a directory", "dir", nil, "write dir: is no regular file"},
		{"the root", ".", nil, "write .: is no regular file"},
		{"below a file", "a.yaml/x.yaml", nil, "not a directory"},
		{"link up", "up.yaml", nil, "write up.yaml: the path leads out of the directory"},
		{"absolute link", "abs.yaml", nil, "write abs.yaml: is a symbolic link out of the directory"},
		{"linked directory outside", "out/x.yaml", nil, "escapes"},
		{"loop", "loop.yaml", nil, "too many symbolic links"},
		{"remove up", "", []string{"../x.yaml"}, "remove ../x.yaml: the path leads out of the directory"},
		{"remove a directory", "", []string{"dir"}, "remove dir: is a directory"},
		{"remove through a link outside", "", []string{"out/x.yaml"}, "escapes"},
		{"write and remove", "a.yaml", []string{"./a.yaml"}, "remove ./a.yaml: is the same file as a.yaml"},
		{"remove twice", "", []string{"a.yaml", "./a.yaml"}, "remove a.yaml: is the same file as ./a.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := makeTree(t, before)
			write := map[string]string{"dir/b.yaml": "B", "new/n.yaml": "n"}
			if c.path != "" || c.remove == nil {
				write[c.path] = "x"
			}
			err := WriteFiles(root, contents(write), c.remove)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			if diff := cmp.Diff(before, readTree(t, root)); diff != "" {
				t.Error(diff)
			}
			if left := readTree(t, outside); len(left) > 0 {
				t.Errorf("written outside: %v", left)
			}
		})
	}
	root := makeTree(t, before)
	err := WriteFiles(root, contents(map[string]string{"a.yaml": "1", "link.yaml": "2"}), nil)
	if want := "write link.yaml: is the same file as a.yaml"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// faultyFS fails its call number failAt, counted from 0, and with crash all calls after it. Every kind of call that
// changes something counts; noLinks fails every Link, as some file systems do.
type faultyFS struct {
	fileSystem
	call, failAt   int
	crash, noLinks bool
}

var errFault = errors.New("no space left on device")

func (f *faultyFS) fault() error {
	f.call++
	if n := f.call - 1; n == f.failAt || f.crash && n > f.failAt {
		return errFault
	}
	return nil
}

func (f *faultyFS) WriteNew(name string, content []byte, like fs.FileInfo) error {
	return errors.Join(f.fault(), f.orElse(func() error { return f.fileSystem.WriteNew(name, content, like) }))
}

func (f *faultyFS) Mkdir(name string) error {
	return errors.Join(f.fault(), f.orElse(func() error { return f.fileSystem.Mkdir(name) }))
}

func (f *faultyFS) Rename(old, new string) error {
	return errors.Join(f.fault(), f.orElse(func() error { return f.fileSystem.Rename(old, new) }))
}

func (f *faultyFS) Remove(name string) error {
	return errors.Join(f.fault(), f.orElse(func() error { return f.fileSystem.Remove(name) }))
}

func (f *faultyFS) Link(old, new string) error {
	if f.noLinks {
		return errors.ErrUnsupported
	}
	return errors.Join(f.fault(), f.orElse(func() error { return f.fileSystem.Link(old, new) }))
}

func (f *faultyFS) SyncDir(name string) error {
	return errors.Join(f.fault(), f.orElse(func() error { return f.fileSystem.SyncDir(name) }))
}

// orElse calls f unless the call that was just counted failed.
func (f *faultyFS) orElse(call func() error) error {
	if n := f.call - 1; n == f.failAt || f.crash && n > f.failAt {
		return nil
	}
	return call()
}

var (
	faultBefore = tree{"a.yaml": "a", "b/b.yaml": "0600 b", "gone.yaml": "g", "last.yaml": "l"}
	faultAfter  = tree{"a.yaml": "A", "b/b.yaml": "0600 B", "last.yaml": "L", "n/m/new.yaml": "n"}
	faultWrite  = map[string]string{"a.yaml": "A", "b/b.yaml": "B", "last.yaml": "L", "n/m/new.yaml": "n"}
	faultRemove = []string{"gone.yaml"}
)

func runFaulty(t *testing.T, f *faultyFS) (root string, err error) {
	t.Helper()
	root = makeTree(t, faultBefore)
	r, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f.fileSystem = rootFS{r}
	return root, writeFiles(f, contents(faultWrite), faultRemove)
}

// TestWriteFilesAtomic fails each call in turn: a run that fails leaves the old files and nothing else, a run that does
// not has written all.
func TestWriteFilesAtomic(t *testing.T) {
	for _, noLinks := range []bool{false, true} {
		failed := 0
		for n := 0; ; n++ {
			f := &faultyFS{failAt: n, noLinks: noLinks}
			root, err := runFaulty(t, f)
			if f.call <= n {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			got := readTree(t, root)
			if err == nil {
				// Only leaving something beside the files may fail without failing the run.
				maps.DeleteFunc(got, func(name, _ string) bool { return strings.Contains(name, ".tierwall-") })
				if diff := cmp.Diff(faultAfter, got); diff != "" {
					t.Errorf("call %d failed, the run did not:\n%s", n, diff)
				}
				continue
			}
			failed++
			if !errors.Is(err, errFault) {
				t.Errorf("call %d: %v", n, err)
			}
			if diff := cmp.Diff(faultBefore, got); diff != "" {
				t.Errorf("call %d failed: %v\n%s", n, err, diff)
			}
		}
		if failed < 10 {
			t.Errorf("only %d calls failed: the test tries too little", failed)
		}
	}
}

// TestWriteFilesCrash lets all calls fail from one on, as if the machine had stopped: every file is the old one or the
// new one, whole.
func TestWriteFilesCrash(t *testing.T) {
	for n := 0; ; n++ {
		f := &faultyFS{failAt: n, crash: true}
		root, _ := runFaulty(t, f)
		if f.call <= n {
			break
		}
		got := readTree(t, root)
		for name, old := range faultBefore {
			if is, ok := got[name]; is != old && is != faultAfter[name] || !ok && name != "gone.yaml" {
				t.Errorf("crash at call %d: %s is %q", n, name, is)
			}
		}
	}
}

// TestWriteFilesCannotRestore: an error that leaves a change says where the old content is.
func TestWriteFilesCannotRestore(t *testing.T) {
	for n := 0; ; n++ {
		f := &faultyFS{failAt: n, crash: true}
		root, err := runFaulty(t, f)
		if f.call <= n {
			t.Fatal("no crash left a file changed")
		}
		if err == nil || !strings.Contains(err.Error(), "could not be restored") {
			continue
		}
		backup := strings.TrimSuffix(strings.Fields(err.Error()[strings.Index(err.Error(), "its old content is in "):])[5], ":")
		if content := readTree(t, root)[backup]; content == "" {
			t.Errorf("%v\nbut %s is not there", err, backup)
		}
		return
	}
}

// TestWriteFilesTakenNames: files that a crash left behind are not in the way, and not overwritten.
func TestWriteFilesTakenNames(t *testing.T) {
	root := makeTree(t, tree{"a.yaml": "a", ".a.yaml.tierwall-new": "x", ".a.yaml.tierwall-old": "y"})
	if err := WriteFiles(root, contents(map[string]string{"a.yaml": "A"}), nil); err != nil {
		t.Fatal(err)
	}
	want := tree{"a.yaml": "A", ".a.yaml.tierwall-new": "x", ".a.yaml.tierwall-old": "y"}
	if diff := cmp.Diff(want, readTree(t, root)); diff != "" {
		t.Error(diff)
	}
}

func TestWriteFilesNoRoot(t *testing.T) {
	if err := WriteFiles(filepath.Join(t.TempDir(), "missing"), nil, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
