package token

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheTokenOfTheFirstStartIsTheClusters(t *testing.T) {
	dir := t.TempDir()
	settle(t, dir, "one")
	settle(t, dir, "one")
	settle(t, dir, "K10abc::server:one")
	if _, err := Settle(dir, "two"); !errors.Is(err, ErrDifferent) {
		t.Fatalf("%v", err)
	}
	hash, err := os.ReadFile(filepath.Join(dir, "cred", "token.hash"))
	if err != nil || strings.Contains(string(hash), "one") {
		t.Fatalf("%q %v", hash, err)
	}
}

func TestWithoutATokenARandomOneIsMadeAndFoundAgain(t *testing.T) {
	dir := t.TempDir()
	made := settle(t, dir, "")
	ca := filepath.Join(dir, "ca.crt")
	if err := os.WriteFile(ca, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, made, ca); err != nil {
		t.Fatal(err)
	}
	if again := settle(t, dir, ""); again != made || made == "" {
		t.Fatalf("%q and then %q", made, again)
	}
}

func settle(t *testing.T, dir, given string) string {
	t.Helper()
	got, err := Settle(dir, given)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
