// Package pki keeps the cluster's certificate authorities and the certificates that they sign,
// with k3s's lifetimes: authorities 10 years, certificates 365 days, renewed at a start that finds
// less than 120 days left (90 before v1.33).
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 365 * 24 * time.Hour
	renewBefore     = 120 * 24 * time.Hour
)

// Authority is a certificate authority whose files lie in the data directory.
type Authority struct {
	KeyFile  string
	CertFile string
	cert     *x509.Certificate
	key      *ecdsa.PrivateKey
}

// OpenAuthority reads the authority NAME of directory dir, or makes it when there is none.
func OpenAuthority(dir, name string, now time.Time) (*Authority, error) {
	certFile := filepath.Join(dir, name+".crt")
	keyFile := filepath.Join(dir, name+".key")
	key, err := openKey(keyFile)
	if err != nil {
		return nil, err
	}
	authority := &Authority{CertFile: certFile, KeyFile: keyFile, key: key}
	if authority.cert, err = readCertificate(certFile); err == nil {
		return authority, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: fmt.Sprintf("k3s-%s@%d", name, now.Unix())},
		NotBefore:             now.Add(-time.Minute),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if err := writeSigned(certFile, template, template, key, key); err != nil {
		return nil, err
	}
	authority.cert, err = readCertificate(certFile)
	return authority, err
}

func openKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		block, _ := pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("%s holds no key", path)
		}
		return x509.ParseECPrivateKey(block.Bytes)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(path, "EC PRIVATE KEY", 0o600, der)
}

// OpenServiceKey makes the key that signs service account tokens, or leaves the one that is there.
func OpenServiceKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return writePEM(path, "RSA PRIVATE KEY", 0o600, x509.MarshalPKCS1PrivateKey(key))
}

func serial() *big.Int {
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the machine has no randomness: nothing can be signed
	}
	return number
}

func readCertificate(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return x509.ParseCertificate(block.Bytes)
}

func writeSigned(
	path string, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey,
) error {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	chain := [][]byte{der}
	if parent != template {
		chain = append(chain, parent.Raw)
	}
	return writePEM(path, "CERTIFICATE", 0o644, chain...)
}

func writePEM(path, kind string, mode os.FileMode, blocks ...[]byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var data []byte
	for _, der := range blocks {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	return os.WriteFile(path, data, mode)
}
