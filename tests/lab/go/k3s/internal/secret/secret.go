// Package secret hashes passwords, so that a data directory holds none in plain.
package secret

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	form   = "$pbkdf2-sha256"
	rounds = 100_000
	length = 32
)

// Hash is "$pbkdf2-sha256$SALT$HASH" of the password, with a salt of its own.
func Hash(password string) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	sum, err := derive(password, salt)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s$%x$%x", form, salt, sum), nil
}

// Matches tells whether the hash was made of this password.
func Matches(hash, password string) bool {
	salted, found := strings.CutPrefix(hash, form+"$")
	if !found {
		return false
	}
	saltText, sumText, found := strings.Cut(salted, "$")
	if !found {
		return false
	}
	salt, err := hex.DecodeString(saltText)
	if err != nil {
		return false
	}
	want, err := hex.DecodeString(sumText)
	if err != nil {
		return false
	}
	got, err := derive(password, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1
}

func derive(password string, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, salt, rounds, length)
}
