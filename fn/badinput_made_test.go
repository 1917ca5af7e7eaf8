package main

func madeFolders() []int        { return nil }
func madeStandardInputs() []int { return nil }
