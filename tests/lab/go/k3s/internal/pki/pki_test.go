package pki

import (
	"crypto/x509"
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestAuthoritiesAndCertificatesOutliveARestart(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first := ensure(t, dir, now, "nas")
	second := ensure(t, dir, now.Add(day), "nas")
	if !first.Equal(second) {
		t.Fatal("a second start made a new certificate")
	}
	ca, err := OpenAuthority(dir, "server-ca", now)
	if err != nil {
		t.Fatal(err)
	}
	if years := ca.cert.NotAfter.Sub(now).Hours() / 24 / 365; years < 9.9 || years > 10.1 {
		t.Fatalf("the authority lives %.1f years", years)
	}
}

func TestACertificateIsRenewedWhenLessThan120DaysAreLeft(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	old := ensure(t, dir, now, "nas")
	if !ensure(t, dir, now.Add(244*day), "nas").Equal(old) {
		t.Fatal("renewed with 121 days left")
	}
	renewed := ensure(t, dir, now.Add(246*day), "nas")
	if renewed.Equal(old) {
		t.Fatal("not renewed with 119 days left")
	}
	if left := renewed.NotAfter.Sub(now.Add(246 * day)); left < 364*day {
		t.Fatalf("the new one has %s left", left)
	}
}

func TestANewNameMakesANewServingCertificate(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	ensure(t, dir, now, "nas")
	wider := ensure(t, dir, now, "nas", "192.0.2.88")
	if err := wider.VerifyHostname("192.0.2.88"); err != nil {
		t.Fatal(err)
	}
	if err := wider.VerifyHostname("172.17.0.1"); err == nil {
		t.Fatal("good for an address that nobody asked for")
	}
}

func ensure(t *testing.T, dir string, now time.Time, names ...string) *x509.Certificate {
	t.Helper()
	ca, err := OpenAuthority(dir, "server-ca", now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Ensure(dir, "serving", Request{CommonName: "k3s", Serving: true, Names: names}, now)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := readCertificate(pair.Cert)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
