package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"path/filepath"
	"time"
)

// Request is what a certificate must say.
type Request struct {
	CommonName    string
	Organizations []string
	Names         []string // DNS names and IP addresses, for a serving certificate only
	Serving       bool
}

// Pair names the files of a certificate and its key.
type Pair struct{ Cert, Key string }

// Ensure gives a certificate NAME in dir that was signed by this authority, says what request
// asks and has at least 120 days left at now: the one that is there, else a new one.
func (a *Authority) Ensure(dir, name string, request Request, now time.Time) (Pair, error) {
	pair := Pair{Cert: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key")}
	key, err := openKey(pair.Key)
	if err != nil {
		return pair, err
	}
	if old, err := readCertificate(pair.Cert); err == nil && a.good(old, request, now) {
		return pair, nil
	}
	usage := x509.ExtKeyUsageClientAuth
	if request.Serving {
		usage = x509.ExtKeyUsageServerAuth
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: request.CommonName, Organization: request.Organizations},
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{usage},
	}
	template.DNSNames, template.IPAddresses = split(request.Names)
	return pair, writeSigned(pair.Cert, template, a.cert, key, a.key)
}

func (a *Authority) good(cert *x509.Certificate, request Request, now time.Time) bool {
	if cert.CheckSignatureFrom(a.cert) != nil || cert.NotAfter.Sub(now) < renewBefore {
		return false
	}
	if cert.Subject.CommonName != request.CommonName {
		return false
	}
	have := map[string]bool{}
	for _, name := range cert.DNSNames {
		have[name] = true
	}
	for _, address := range cert.IPAddresses {
		have[address.String()] = true
	}
	names, addresses := split(request.Names)
	for _, name := range names {
		if !have[name] {
			return false
		}
	}
	for _, address := range addresses {
		if !have[address.String()] {
			return false
		}
	}
	return true
}

func split(entries []string) (names []string, addresses []net.IP) {
	seen := map[string]bool{}
	for _, entry := range entries {
		if entry == "" || seen[entry] {
			continue
		}
		seen[entry] = true
		if address := net.ParseIP(entry); address != nil {
			addresses = append(addresses, address)
			continue
		}
		names = append(names, entry)
	}
	return names, addresses
}
