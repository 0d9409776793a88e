"""Drawn bodies of three families, whose right settings are known: what holds for one model may hold for no person.

Two families are Hovorka's model of 2004 (doi 10.1088/0967-3334/25/4/010) with the parameters of two groups
(`benchmarks.bodies.parameters`), one is the model of the bundled fixtures (`benchmarks.bodies.padova`); written from
the equations, not from anybody's code.
"""
