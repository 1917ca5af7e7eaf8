package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// postgresEntrypoint does what the entrypoint of the image postgres does with the variables that the package sets:
// POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA. Passwords are asked for over the network, as there.
func postgresEntrypoint() error {
	data := environmentOr("PGDATA", "/var/lib/postgresql/data")
	user := environmentOr("POSTGRES_USER", "postgres")
	_, err := os.Stat(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		err = initialise(data, user, environmentOr("POSTGRES_DB", user), os.Getenv("POSTGRES_PASSWORD"))
	}
	if err != nil {
		return err
	}
	program, err := exec.LookPath("postgres")
	if err != nil {
		return err
	}
	return syscall.Exec(program, []string{"postgres", "-D", data, "-c", "listen_addresses=*", "-c", "fsync=off"}, os.Environ())
}

// initialise makes the cluster of databases, and the database. It ends with a complete data folder or an error.
func initialise(data, user, database, password string) error {
	if password == "" {
		return errors.New("POSTGRES_PASSWORD is empty")
	}
	passwordFile := filepath.Join(os.TempDir(), "password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(passwordFile)
	if err := run("", "initdb", "-D", data, "-U", user, "--pwfile", passwordFile, "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"); err != nil {
		return err
	}
	access, err := os.OpenFile(filepath.Join(data, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer access.Close()
	if _, err := fmt.Fprintln(access, "host all all all scram-sha-256"); err != nil {
		return err
	}
	if database == "postgres" {
		return nil
	}
	create := fmt.Sprintf("CREATE DATABASE %s;\n", quoteIdentifier(database))
	return run(create, "postgres", "--single", "-D", data, "postgres")
}

// quoteIdentifier quotes a name for SQL.
func quoteIdentifier(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func run(input, program string, arguments ...string) error {
	command := exec.Command(program, arguments...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}
