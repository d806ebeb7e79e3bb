// Go's net/http with hashicorp/go-retryablehttp.
//
//	bench-go ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-
//
// QUEUED more goroutines than may be in flight wait for a semaphore.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

var body = []byte(`{"action":"start","note":"bench"}`)

func start(client *retryablehttp.Client, endpoint string, id int64) bool {
	request, err := retryablehttp.NewRequest("PUT", fmt.Sprintf("%s/experiments/%d/start", endpoint, id), body)
	if err != nil {
		return false
	}
	request.Header.Set("Authorization", "Api-Key BENCH")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	bytes, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		return false
	}
	var reply struct {
		OK         bool     `json:"ok"`
		Errors     []string `json:"errors"`
		Experiment struct {
			ID    int64  `json:"id"`
			State string `json:"state"`
		} `json:"experiment"`
	}
	return json.Unmarshal(bytes, &reply) == nil && reply.OK
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func residentBytes() int64 {
	statm, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

func main() {
	if len(os.Args) != 7 {
		fmt.Fprintln(os.Stderr, "usage: bench-go ENDPOINT COUNT IN_FLIGHT QUEUED HTTP CA_FILE|-")
		os.Exit(2)
	}
	endpoint, count, inFlight, queued := os.Args[1], number(os.Args[2]), number(os.Args[3]), number(os.Args[4])
	transport := &http.Transport{MaxIdleConnsPerHost: int(inFlight), ForceAttemptHTTP2: os.Args[5] == "2"}
	if os.Args[6] != "-" {
		pem, err := os.ReadFile(os.Args[6])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	client := retryablehttp.NewClient()
	client.Logger = nil
	client.RetryMax = 20
	client.HTTPClient.Transport = transport

	var next, left, started int64 = 0, count, 0
	done := make(chan bool)
	one := func() {
		good := start(client, endpoint, atomic.AddInt64(&next, 1))
		if good {
			atomic.AddInt64(&started, 1)
		}
		if atomic.AddInt64(&left, -1) == 0 {
			done <- true
		}
	}

	before, queueBegan := residentBytes(), time.Now()
	var settling time.Duration
	var places chan struct{}
	var waiting func()
	if queued > 0 {
		places = make(chan struct{}, inFlight)
		waiting = func() {
			places <- struct{}{}
			one()
			<-places
			go waiting()
		}
		// All places are taken until the queue is full.
		for i := int64(0); i < inFlight; i++ {
			places <- struct{}{}
		}
		for i := int64(0); i < queued; i++ {
			go waiting()
		}
		settling = 100 * time.Millisecond // in which they come to wait
		time.Sleep(settling)
	}
	queueSeconds, queueBytes := (time.Since(queueBegan) - settling).Seconds(), residentBytes()-before

	began, cpuBegan := time.Now(), cpuSeconds()
	for i := int64(0); i < inFlight; i++ {
		if queued > 0 {
			<-places
			continue
		}
		go func() {
			for atomic.LoadInt64(&next) < count {
				one()
			}
		}()
	}
	<-done
	wall, cpu := time.Since(began).Seconds(), cpuSeconds()-cpuBegan
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	good := atomic.LoadInt64(&started)
	if good > count { // others are still at it
		good = count
	}
	each := float64(queued)
	if queued == 0 {
		each, queueSeconds = 1, 0
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"started": good, "wall_s": wall, "cpu_s": cpu, "rss_kb": usage.Maxrss,
		"queued": queued, "queue_bytes": float64(queueBytes) / each,
		"submit_us": queueSeconds * 1e6 / each,
	})
}
