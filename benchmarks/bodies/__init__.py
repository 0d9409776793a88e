"""A second family of bodies, independent of the bundled simulator: what holds for one model may hold for no person.

The equations are Hovorka's of 2004 (doi 10.1088/0967-3334/25/4/010), the parameters those of two groups
(`benchmarks.bodies.parameters`); written from the equations, not from anybody's code.
"""
