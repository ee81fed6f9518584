// Package token keeps the cluster's token: the datastore belongs to the one that it was made with.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"nas-k3s.lab/k3s/internal/secret"
)

// ErrDifferent is k3s's own complaint about a token that the datastore was not made with. In k3s
// the token encrypts the bootstrap data; here its hash lies beside the datastore.
var ErrDifferent = errors.New("preparing server: failed to bootstrap cluster data: " +
	"failed to reconcile with local datastore: " +
	"bootstrap data already found and encrypted with different token")

// Settle gives the token of the cluster whose control plane lives in dir. given is K3S_TOKEN or
// --token, perhaps empty: then the one of the last start is used, or a random one is made.
func Settle(dir, given string) (string, error) {
	hashFile := filepath.Join(dir, "cred", "token.hash")
	token := Password(given)
	if token == "" {
		saved, err := os.ReadFile(filepath.Join(dir, "token"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		token = Password(strings.TrimSpace(string(saved)))
	}
	hash, err := os.ReadFile(hashFile)
	if err == nil {
		if token == "" || !secret.Matches(strings.TrimSpace(string(hash)), token) {
			return "", ErrDifferent
		}
		return token, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if token == "" {
		random := make([]byte, 16)
		if _, err := rand.Read(random); err != nil {
			return "", err
		}
		token = hex.EncodeToString(random)
	}
	fresh, err := secret.Hash(token)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(hashFile), 0o700); err != nil {
		return "", err
	}
	return token, os.WriteFile(hashFile, []byte(fresh+"\n"), 0o600)
}

// Password is the secret part of a token in either form: K10<hash>::<user>:<password> or plain.
func Password(token string) string {
	if _, rest, found := strings.Cut(token, "::"); found && strings.HasPrefix(token, "K10") {
		_, password, _ := strings.Cut(rest, ":")
		return password
	}
	return token
}

// Write leaves the full form in dir/token and dir/node-token, as k3s does.
func Write(dir, token, caFile string) error {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(ca)
	text := "K10" + hex.EncodeToString(digest[:]) + "::server:" + token + "\n"
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(text), 0o600); err != nil {
		return err
	}
	link := filepath.Join(dir, "node-token")
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(filepath.Join(dir, "token"), link)
}
