// Command tierwall closes a flat Kubernetes network.
package main

func main() {}
